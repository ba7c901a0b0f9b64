import {
  Call,
  type CallContext,
  type CallOptions,
  type Clock,
  callContext,
  type Destination,
  isRpcError,
  type Metadata,
} from '@org/rpc-core';
import { cancelledError, type LinkedSignal, linkSignals, rpcError } from '@org/rpc-core/internal';
import type { ClientMethod } from '../client-method.js';
import { ownOf } from '../policy/fold.js';
import { belongsTo } from '../policy/name-call.js';

/** The metadata keys that a client passes on. */
export interface PropagatingClient {
  readonly propagate: readonly string[];
  readonly services: ReadonlyMap<string, { readonly propagate?: readonly string[] | undefined }>;
}

/**
 * Makes a call from the user's arguments and options and from the call being served, if any, and gives it to its stack.
 * @param pinned - the only node that may get it; left out: a picker chooses
 */
export function startCall(
  client: PropagatingClient & { readonly clock: Clock },
  called: ClientMethod,
  args: unknown[],
  options: CallOptions | undefined,
  pinned?: Destination,
): Promise<unknown> {
  // Trailing `undefined` arguments are not sent, so that defaults and optional parameters work on the other side.
  while (args.length > 0 && args[args.length - 1] === undefined) args.pop();
  const call = new Call(called, args, called.oneWay);
  const now = client.clock.now();
  call.createdAt = now;
  call.idempotent = called.idempotent;
  call.priority = called.priority;
  call.pinned = pinned;
  const { timeout, rule, retry } = called.policy.now;
  call.deadline = now + (options?.timeoutMs ?? timeout.timeoutMs);
  if (options !== undefined) {
    applyOptions(call, options);
    call.own = called.policy.ownOf(options);
    if (options.timeoutMs !== undefined) rule?.hasOwnTimeout(call);
  }
  const { stopBelow, max } = ownOf(call)?.retry ?? retry;
  if (stopBelow && call.idempotent && max > 0) call.mayRepeatBelow = false;
  const context = callContext();
  const { observer } = called;
  if (context === undefined && called.list.isKnown && !observer.isOn && call.explanations === undefined)
    return serve(call, called, now);
  const linked = context && inherit(call, context, client);
  // After inheriting: an observer that traces the call replaces the trace of the call being served.
  if (observer.isOn) observer.begin(call, called.definition.kind);
  const isEarly = !called.list.isKnown && options?.timeoutMs === undefined;
  const answer = isEarly ? serveOnceListed(call, called, client.clock) : serve(call, called, now);
  // However the call ends, its link to a long-lived signal must be removed.
  const unlinked = linked === undefined ? answer : thenUnlink(answer, linked);
  const settled = call.explanations === undefined ? unlinked : unlinked.catch((error) => failExplained(call, error));
  if (call.observed !== undefined && (called.mayEndAbove || isEarly || isOver(call, now)))
    observer.endsWith(call, settled);
  return settled;
}

/** One chain of promises to the caller, so that the stack of an error can be followed to it. */
function thenUnlink(answer: Promise<unknown>, { unlink }: LinkedSignal): Promise<unknown> {
  return answer.then(
    (value) => {
      unlink();
      return value;
    },
    (error: unknown) => {
      unlink();
      throw error;
    },
  );
}

/** Adds to the error of a call what its attempts found, or would have found. */
export function failExplained(call: Call, error: unknown): never {
  if (isRpcError(error) && call.explanations !== undefined) {
    const { explanations, methodRef } = call;
    if (explanations.length === 0) explanations.push((methodRef as ClientMethod).owner.explain(call));
    error.explanations = explanations;
  }
  throw error;
}

/** Whether the call is over before it begins. */
function isOver(call: Call, now: number): boolean {
  return call.signal?.aborted === true || call.deadline <= now;
}

function serve(call: Call, called: ClientMethod, now: number): Promise<unknown> {
  if (isOver(call, now)) {
    if (call.signal?.aborted) return Promise.reject(cancelledError(call));
    const reason = 'the deadline of the call being served has passed: nothing was sent';
    return Promise.reject(belongsTo(call, rpcError('DEADLINE_EXCEEDED', reason, { progress: 'unsent' })));
  }
  return called.serve(call);
}

/** How long the first answer of a registry may take, in milliseconds, without using up a timeout that the caller did not give. */
const FIRST_LIST_MS = 5_000;

/**
 * A new client first connects to its registry, which may take longer than a method's timeout. So a timeout that the caller did
 * not give with the call begins when the servers of the service are known, just as name resolution comes before a call elsewhere.
 * Nothing of the call has happened until then.
 */
async function serveOnceListed(call: Call, called: ClientMethod, clock: Clock): Promise<unknown> {
  const latest = callContext()?.deadline ?? Number.POSITIVE_INFINITY;
  call.deadline = Math.min(latest, call.createdAt + FIRST_LIST_MS);
  // What ends this wait early also ends the call, with an error that says more.
  await called.list.untilKnown(call).catch(() => undefined);
  const now = clock.now();
  call.deadline = Math.min(latest, now + called.policy.now.timeout.timeoutMs);
  // Awaited, not just returned: otherwise the stack of an error that comes at once does not lead to the caller.
  return await serve(call, called, now);
}

/** Applies the options that the user gave with the call. */
export function applyOptions(call: Call, options: CallOptions): void {
  const {
    signal,
    metadata,
    idempotent,
    priority,
    hashKey,
    waitForReady,
    onResponse,
    timeoutMs,
    attemptTimeoutMs,
    explain,
  } = options;
  call.signal = signal;
  call.metadata = metadata;
  if (timeoutMs !== undefined) call.deadlineBy = 'call';
  if (idempotent !== undefined) call.idempotent = idempotent;
  if (priority !== undefined) call.priority = priority;
  if (waitForReady !== undefined) call.waitForReady = waitForReady;
  call.hashKey = hashKey;
  call.attemptTimeoutMs = attemptTimeoutMs;
  if (explain === true) call.explanations = [];
  if (onResponse !== undefined) {
    call.onSettled = (settled, outcome) => {
      if (outcome === undefined) onResponse(responseInfo(settled));
    };
  }
}

function responseInfo(call: Call): Parameters<NonNullable<CallOptions['onResponse']>>[0] {
  const { explanations } = call;
  return {
    ...(explanations && { explanations }),
    metadata: call.responseMetadata ?? NO_METADATA,
    endpoint: call.destination?.address ?? '',
    attempts: (call.attempts?.length ?? 0) + 1,
    durationMs: call.endedAt - call.createdAt,
  };
}

const NO_METADATA: Metadata = Object.freeze({});

/**
 * A call made while another is served has no more time than the served call, ends with it, and continues its trace.
 * @returns what to unlink when the call has ended
 */
export function inherit(call: Call, context: CallContext, client: PropagatingClient): LinkedSignal | undefined {
  if (context.deadline < call.deadline) {
    call.deadline = context.deadline;
    call.deadlineBy = 'served call';
  }
  if (context.isRepeatedAbove) {
    call.mayRepeat = false;
    call.mayRepeatBelow = false;
  }
  const linked = call.signal === undefined ? undefined : linkSignals(call.signal, context.signal);
  call.signal = linked?.signal ?? context.signal;
  let inherited: Record<string, string> | undefined;
  for (const key of client.services.get(call.service)?.propagate ?? client.propagate) {
    const value = context.metadata[key];
    if (value === undefined) continue;
    inherited ??= {};
    inherited[key] = value;
  }
  if (inherited !== undefined) call.metadata = { ...inherited, ...call.metadata };
  return linked;
}
