import { defineService, method } from '@org/rpc';

/** The service that the fault tests call: it says which process answered. */
export const Probe = defineService('probe', {
  /** Answers after `delayMs`. Safe to repeat. */
  ask: method<(delayMs: number) => Promise<number>>({ idempotent: true, timeoutMs: 2_000 }),
  /** The same, not safe to repeat. */
  once: method<(id: string) => number>({ timeoutMs: 2_000 }),
  /** Throws what nobody expects, which is printed. */
  fail: method<() => void>(),
});
