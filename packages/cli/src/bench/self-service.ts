import { defineService, method } from '@org/rpc';

/** What `rpc bench --self` measures: the smallest methods that make sense. */
export const SelfService = defineService('bench', {
  /** Two numbers in, one out: the overhead of a call. */
  sum: method<(x: number, y: number) => number>({ idempotent: true }),
  /** Whatever comes in: the cost of a payload. */
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
});
