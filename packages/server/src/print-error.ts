/** Prints what a handler threw, for servers that nobody watches. One line that cannot be forged, then the stack. */
export function printHandlerError(event: {
  service: string;
  method: string;
  error: unknown;
  correlationId: string;
}): void {
  const { service, method, error, correlationId } = event;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`[rpc] handler ${service}.${method} failed (${correlationId}): ${text.slice(0, 8192)}\n`);
}
