import { defineService, method } from '@org/rpc';

/** The contract, imported by both sides. `idempotent`: running `sum` twice does no harm, so a lost call may be repeated. */
export const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>({ idempotent: true }),
});
