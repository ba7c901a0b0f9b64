import type { RpcError } from './error.js';

/**
 * Marks the error of an expiry that this process noticed late: its event loop was busy, so the time that passed says nothing
 * of the server. The client holds such an error against no node.
 */
export function markLate(error: RpcError): void {
  error.late = true;
}

/** Whether {@link markLate} was called with this error. */
export function isLate(error: RpcError): boolean {
  return error.late === true;
}
