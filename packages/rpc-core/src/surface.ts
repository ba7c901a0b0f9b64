/**
 * Throws the error of a user's hook or listener as an uncaught exception, outside of the code that called it: neither other calls
 * whose replies came in the same chunk nor our own bookkeeping are harmed.
 */
export function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
