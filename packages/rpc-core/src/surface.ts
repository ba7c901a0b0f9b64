/**
 * Lets the mistake of a user's hook or listener surface as what it is, an uncaught exception, without harming whoever called
 * it: other calls whose replies came in the same chunk, or the bookkeeping around it.
 */
export function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
