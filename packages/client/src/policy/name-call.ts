import type { Call, RpcError } from '@org/rpc-core';

/** Lets the message say of which call it speaks, and where that went, unless it does already. The reason stays what it was. */
export function nameCall(error: RpcError): RpcError {
  const { service, method, endpoint, reason, code } = error;
  if (service === undefined || method === undefined) return error;
  const name = `${service}.${method}`;
  const parts = reason.includes(name) ? [] : [name];
  if (endpoint !== undefined && !reason.includes(endpoint)) parts.push(`at ${endpoint}`);
  const before = error.message;
  const message = parts.length === 0 ? `${code}: ${reason}` : `${code}: ${reason} (${parts.join(' ')})`;
  if (before === message) return error;
  // V8 has written the message into the stack when the error was made.
  const stack = error.stack?.replace(before, () => message);
  redefine(error, 'message', message);
  redefine(error, 'stack', stack);
  return error;
}

/** Says of an error that did not come out of an attempt to which call it belongs, in its facts and its message. */
export function belongsTo(call: Pick<Call, 'service' | 'method'>, error: RpcError): RpcError {
  error.service ??= call.service;
  error.method ??= call.method;
  return nameCall(error);
}

/**
 * Takes the stack anew, where the promise that the caller waits for is about to be rejected: the error was made when bytes came
 * from a socket, and that place tells the caller nothing. Calls that succeed pay nothing for it.
 */
export function showCaller(error: RpcError): RpcError {
  Error.captureStackTrace(error, showCaller);
  return error;
}

/** As the engine defines them: printing an error must not show them once more among its facts. */
function redefine(error: RpcError, name: 'message' | 'stack', value: string | undefined): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true, enumerable: false });
}
