import { type Code, isRpcError, type RpcError, type TimeLimit } from '@org/rpc-core';
import { randomId, rpcError } from '@org/rpc-core/internal';
import type { IncomingCall } from '@org/rpc-wire/internal';

/** What a caller may see of an error, and the id under which the server's log has the rest. */
export interface Presentable {
  readonly error: RpcError;
  /** Set when the caller sees less than was thrown, or nothing. */
  readonly correlationId: string | undefined;
}

/**
 * Turns what a handler threw into what its caller may see. An `RpcError` that the handler made says what it meant to say. One
 * that came out of a call of its own says that a service behind this one was late or out of reach, and which, so that whoever stands in
 * front can tell an outage from a defect; its text stays here. Everything else may hold secrets: of that the caller learns an id,
 * nothing more. What nobody waits for, the error of a one-way call, gets an id too, so that it is seen at all; but not that it was
 * refused, which any peer could make happen any number of times.
 */
export function presentable(error: unknown, call: PresentedCall): Presentable {
  const thrown = withoutAbort(error, call);
  const own = kindOf(thrown);
  if (own === 'made')
    return { error: thrown as RpcError, correlationId: call.oneWay && call.started ? randomId() : undefined };
  const over = cutShort(thrown, call);
  if (over !== undefined) return { error: over, correlationId: undefined };
  const correlationId = randomId();
  const log = `the server's log has the reason under ${correlationId}`;
  // Before a handler has run it is no hop: to say that the call was refused here would have it repeated at once.
  const { code, text } = (call.started && own) || FAILED;
  // What was refused below was repeated there, if that had a sense: whoever stands above would only add to the load.
  const final = code === 'RESOURCE_EXHAUSTED';
  const shown = rpcError(code, `${text}; ${log}`, { progress: 'processed', final, hasStack: false });
  // For those who observe this server: it does not go to the caller.
  if (code === 'DEADLINE_EXCEEDED') shown.timeLimit = (thrown as RpcError).timeLimit;
  return { error: shown, correlationId };
}

/** What must be known of a call whose handler has thrown. */
type PresentedCall = Pick<IncomingCall, 'oneWay' | 'started'> &
  Partial<Pick<IncomingCall, 'abortReason' | 'isExpired' | 'pastDeadline'>>;

/**
 * What Node.js makes of an abort, in waits that are given the signal of the call, is not a fault of the handler: it has the reason of the abort as its
 * cause, and that is what the caller is to know.
 */
function withoutAbort(thrown: unknown, { abortReason }: PresentedCall): unknown {
  if (abortReason === undefined) return thrown;
  try {
    const { name, cause } = thrown as Error;
    return name === 'AbortError' && cause === abortReason ? abortReason : thrown;
  } catch {
    return thrown;
  }
}

/** So deep is looked into the causes of what a handler throws, which may name themselves. */
const CAUSES_MAX = 8;

/**
 * The time of the call is over, and that has ended a call which its handler waited for, or another wait: no fault of the handler, however often it
 * has wrapped that, and nothing for the log. Its caller learns what was waited for, and at which instance. `undefined` for whatever else was thrown.
 */
function cutShort(thrown: unknown, call: PresentedCall): RpcError | undefined {
  try {
    const { abortReason } = call;
    const reason = isRpcError(abortReason, 'DEADLINE_EXCEEDED') ? abortReason : undefined;
    let each = thrown;
    for (let depth = 0; depth < CAUSES_MAX && each != null; depth++) {
      const { cause } = each as Error;
      if (isHopCut(each, reason, call)) return pastDeadline(call, ` while its handler waited for ${hopOf(each)}`);
      if (each === reason) return pastDeadline(call, '');
      each = cause;
    }
    return undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether this is a call of the handler that has ended since the time of the served one was over: by its signal, or by its own clock, for it had no
 * more time than that.
 */
function isHopCut(
  each: unknown,
  reason: RpcError | undefined,
  { started, isExpired }: PresentedCall,
): each is RpcError {
  if (!isRpcError(each) || each.service === undefined) return false;
  if (each.code === 'CANCELLED') return reason !== undefined && each.cause === reason;
  return (
    started && each.code === 'DEADLINE_EXCEEDED' && (isExpired === true || each.timeLimit?.setBy === 'served call')
  );
}

function pastDeadline(call: PresentedCall, meanwhile: string): RpcError {
  const reason = call.pastDeadline?.(meanwhile) ?? `the caller's deadline has passed${meanwhile}`;
  return rpcError('DEADLINE_EXCEEDED', reason, { progress: 'processed', hasStack: false });
}

/** Names a call of a handler, and the instance that it was last given to: by its id, for an address says how to get there. */
function hopOf({ service, method, instance, endpoint }: RpcError): string {
  const name = `its call of ${service}.${method}`;
  return instance === undefined || instance === endpoint ? name : `${name} at [${instance}]`;
}

const FAILED = { code: 'INTERNAL', text: 'the handler failed' } as const;

/**
 * Whether a handler has made this error itself, or what to say of one that a call of its own has brought; `undefined` for all others.
 * A handler may throw anything, also what throws when it is looked at.
 */
function kindOf(thrown: unknown): 'made' | { readonly code: Code; readonly text: string } | undefined {
  try {
    if (!isRpcError(thrown)) return undefined;
    const { code, service, timeLimit } = thrown;
    if (service === undefined) return 'made';
    const hop = hopOf(thrown);
    if (code === 'DEADLINE_EXCEEDED') return { code, text: `the handler failed: ${hop} took ${tooLong(timeLimit)}` };
    if (code === 'UNAVAILABLE') return { code, text: `the handler failed: ${hop} reached no server` };
    if (code === 'RESOURCE_EXHAUSTED')
      return { code, text: `the handler failed: ${hop} was refused by a limit of ${whose(thrown)}` };
    return undefined;
  } catch {
    return undefined;
  }
}

/** What a client refuses by its own limits was never sent, or is an answer that is too large for it. */
function whose({ progress }: RpcError): string {
  return progress === 'unsent' || progress === 'maybe-processed' ? 'its caller' : 'its server';
}

/** Which time was over, and who has set it, is no secret, and often all that is needed to know where to look. */
function tooLong(limit: TimeLimit | undefined): string {
  return limit === undefined || limit.text === ''
    ? 'too long'
    : `longer than ${Math.round(limit.ms)} ms, ${limit.text}`;
}
