/**
 * Throws the error of a user's hook or listener as an uncaught exception, outside the code that called it, so that it harms neither
 * other calls whose replies came in the same chunk nor this library's own state.
 */
export function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
