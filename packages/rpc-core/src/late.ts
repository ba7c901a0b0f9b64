import type { RpcError } from './error.js';

/**
 * Marks the error of an expiry that says nothing about the server: this process noticed it late because its event loop was busy,
 * or the caller gave less time than the method usually takes. The client does not count such an error against a node.
 */
export function markLate(error: RpcError): void {
  error.late = true;
}

/** Whether {@link markLate} was called with this error. */
export function isLate(error: RpcError): boolean {
  return error.late === true;
}
