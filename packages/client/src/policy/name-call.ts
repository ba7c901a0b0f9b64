import type { Call, Code, RpcError } from '@org/rpc-core';

/** Names an instance by its address and, in brackets, by the id that the registry has for it: several may share an address. */
export function nameInstance(endpoint: string, instance: string | undefined): string {
  return instance === undefined || instance === endpoint ? endpoint : `${endpoint} [${instance}]`;
}

/** Adds the call, its endpoint and its caller to the message, unless they are in it already. The reason is not changed. */
export function nameCall(error: RpcError): RpcError {
  const before = error.message;
  const message = namedMessage(error);
  if (before === message) return error;
  // V8 writes the message into the stack when that is read for the first time.
  const stack = error.stack?.replace(before, () => message);
  error.message = message;
  // Not enumerable, as the engine defines it: otherwise printing an error would show it twice.
  Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true, enumerable: false });
  return error;
}

/** The same of an error whose stack {@link showCaller} replaces: the one that it has is not read, which is what would cost most. */
export function nameUnshown(error: RpcError): RpcError {
  error.message = namedMessage(error);
  return error;
}

/** Of these the log of the server has more, so that it matters which of several that share an address it was. */
const IN_ITS_LOG: ReadonlySet<Code> = new Set(['INTERNAL', 'UNAVAILABLE', 'DEADLINE_EXCEEDED']);

function namedMessage({ service, method, caller, endpoint, instance, reason, code, message }: RpcError): string {
  if (service === undefined || method === undefined) return message;
  const name = `${service}.${method}`;
  const isNamed = reason.includes(name);
  const isPlaced = endpoint === undefined || reason.includes(endpoint);
  let facts = isNamed ? '' : name;
  if (!isPlaced)
    facts += `${isNamed ? '' : ' '}at ${IN_ITS_LOG.has(code) ? nameInstance(endpoint, instance) : endpoint}`;
  if (caller !== undefined && !reason.includes(`called by ${caller}`))
    facts += facts === '' ? `called by ${caller}` : `, called by ${caller}`;
  return facts === '' ? `${code}: ${reason}` : `${code}: ${reason} (${facts})`;
}

/** What has to be known of the call that an error belongs to. */
type Owner = Pick<Call, 'service' | 'method'> & Partial<Pick<Call, 'methodRef'>>;

/** Names the call of an error that did not come out of an attempt, in its facts and its message. */
export function belongsTo(call: Owner, error: RpcError): RpcError {
  return nameCall(ownedBy(call, error));
}

/** The same in its facts alone. */
export function ownedBy(call: Owner, error: RpcError): RpcError {
  // Of another call it is not known who made that.
  if (error.service === undefined) error.caller ??= call.methodRef?.caller;
  error.service ??= call.service;
  error.method ??= call.method;
  return error;
}

/**
 * Captures the stack again where the caller's promise is about to be rejected: the error was made when bytes came from a socket,
 * and that place means nothing to the caller. Calls that succeed pay nothing for it.
 *
 * @param above - a function that runs now: the stack begins with what called it, so that the few frames it has show the caller's code
 */
export function showCaller(error: RpcError, above: Running = showCaller): RpcError {
  Error.captureStackTrace(error, above);
  return error;
}

/** A function, whatever it takes. */
type Running = (...args: never[]) => unknown;
