import { defineService, method } from '@org/rpc';

/** The contract: imported by the server and by its callers. */
export const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>({ idempotent: true, timeoutMs: 200 }),
  divide: method<(x: number, y: number) => number>({ idempotent: true, timeoutMs: 200 }),
});
