import type { Call, RpcError } from '@org/rpc-core';

/** Names an instance by its address and, in brackets, by the id that the registry has for it: several may share an address. */
export function nameInstance(endpoint: string, instance: string | undefined): string {
  return instance === undefined || instance === endpoint ? endpoint : `${endpoint} [${instance}]`;
}

/** Adds the call, its endpoint and its caller to the message, unless they are in it already. The reason is not changed. */
export function nameCall(error: RpcError): RpcError {
  const { service, method, caller, endpoint, reason, code } = error;
  if (service === undefined || method === undefined) return error;
  const name = `${service}.${method}`;
  const parts = reason.includes(name) ? [] : [name];
  if (endpoint !== undefined && !reason.includes(endpoint)) parts.push(`at ${endpoint}`);
  const by = caller === undefined || reason.includes(`called by ${caller}`) ? [] : [`called by ${caller}`];
  const facts = [...(parts.length === 0 ? [] : [parts.join(' ')]), ...by];
  const before = error.message;
  const message = facts.length === 0 ? `${code}: ${reason}` : `${code}: ${reason} (${facts.join(', ')})`;
  if (before === message) return error;
  // V8 has written the message into the stack when the error was made.
  const stack = error.stack?.replace(before, () => message);
  redefine(error, 'message', message);
  redefine(error, 'stack', stack);
  return error;
}

/** Names the call of an error that did not come out of an attempt, in its facts and its message. */
export function belongsTo(
  call: Pick<Call, 'service' | 'method'> & Partial<Pick<Call, 'methodRef'>>,
  error: RpcError,
): RpcError {
  // Of another call it is not known who made that.
  if (error.service === undefined) error.caller ??= call.methodRef?.caller;
  error.service ??= call.service;
  error.method ??= call.method;
  return nameCall(error);
}

/**
 * Captures the stack again where the caller's promise is about to be rejected: the error was made when bytes came from a socket,
 * and that place means nothing to the caller. Calls that succeed pay nothing for it.
 */
export function showCaller(error: RpcError): RpcError {
  Error.captureStackTrace(error, showCaller);
  return error;
}

/** Not enumerable, as the engine defines them: otherwise printing an error would show them twice. */
function redefine(error: RpcError, name: 'message' | 'stack', value: string | undefined): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true, enumerable: false });
}
