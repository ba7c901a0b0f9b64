import { defineService, method, notify } from '@org/rpc';

/** A contract for whatever a test lets the handlers do. */
export const Work = defineService('work', {
  run: method<(...args: unknown[]) => unknown>(),
  safe: method<(...args: unknown[]) => unknown>({ idempotent: true }),
  tell: notify<(...args: unknown[]) => void>(),
});
