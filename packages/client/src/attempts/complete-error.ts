import type { AttemptRecord, Call, RpcError, TimeLimit, TimeSpent, Trial } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { nameInstance, nameUnshown, ownedBy } from '../policy/name-call.js';
import { describeTime, isCutShort, timeOfCall } from '../policy/time-of-call.js';
import { limitOf, limitOfCall } from './limit-of.js';
import { NOT_IDEMPOTENT } from './retry-decision.js';

/** Attempts that a message tells of; all are in `error.attempts`. */
const ATTEMPTS_SHOWN = 4;

/** A call with less than this share of its time left when it ends has run out of time, whoever says so. */
const OVER_SHARE = 0.1;
/** So little is left of a short time where a server counts in whole milliseconds. */
const OVER_MS = 2;

/**
 * The final error of a call: with every fact of it, and a message that says what happened, where, and why it was not tried
 * again. The answer of a handler keeps its own words as the reason, and the message names the call after them. Its stack is not the
 * caller's yet: that is for `showCaller`, once.
 *
 * @param stop - why there was no further attempt, `''` when that needs no words
 * @param leftOut - names the instances that the call was not given to, `''` when there are none; asked only where it says something
 */
export function completeError(
  call: Call,
  error: RpcError,
  stop: string,
  leftOut: (call: Call) => string = () => '',
): RpcError {
  const attempts = call.attempts ?? [];
  const last = attempts.at(-1);
  const isFinal = isAnswer(call, error, attempts);
  // What a handler passes on was not its own fault: whose it was, the call knows that the handler has made.
  const spent = isFinal && error.code !== 'CANCELLED' ? undefined : timeOfCall(call, error);
  const isHere = error.code === 'DEADLINE_EXCEEDED' && (error.progress !== 'processed' || isItsTime(call, error));
  // That of the call being served ends the calls of its handler, by its signal.
  const isServed = call.deadlineBy === 'served call' && isCutShort(error);
  const limit = isServed ? limitOfCall(call) : isHere && !isFinal ? limitOf(call) : undefined;
  const final = isFinal ? error : rebuild(call, error, [stop, leftOut], { spent, limit });
  final.service = call.service;
  final.method = call.method;
  final.caller = call.methodRef.caller;
  final.endpoint = last === undefined || last.endpoint === '' ? undefined : last.endpoint;
  final.instance = last?.instance;
  final.attempts = attempts;
  final.spent = spent;
  final.timeLimit = limit;
  return nameUnshown(final);
}

/**
 * The error of a call that this client does not start: of one that has waited until its time was over the same as of any other that is late.
 * What refuses it otherwise has said all there is to say but where its time went.
 */
export function completeRefusal(call: Call, error: RpcError): RpcError {
  if (error.code === 'DEADLINE_EXCEEDED') return completeError(call, error, '');
  error.spent = timeOfCall(call, error);
  return nameUnshown(ownedBy(call, error));
}

/** Whether all of the time of a call was over when it ended, or of its only attempt. */
function isOver({ deadline, attemptDeadline, endedAt, createdAt, attempts = [] }: Call): boolean {
  const end = attempts.length === 1 ? Math.min(deadline, attemptDeadline) : deadline;
  return end - endedAt < Math.max(OVER_MS, (end - createdAt) * OVER_SHARE);
}

/** Whether it is the time of the call that is over: its server notices as soon as this client does, and may be the first to say so. */
function isItsTime(call: Call, { expired }: RpcError): boolean {
  return expired || isOver(call);
}

/** Whether the text is the handler's, or says all there is to say. */
function isAnswer(call: Call, error: RpcError, attempts: readonly AttemptRecord[]): boolean {
  switch (error.code) {
    case 'DEADLINE_EXCEEDED':
      if (isItsTime(call, error)) return false;
      return error.progress === 'processed' && attempts.length < 2;
    case 'UNAVAILABLE':
    case 'RESOURCE_EXHAUSTED':
      return error.progress === 'processed' && attempts.length < 2;
    default:
      return true;
  }
}

/** What an error knows of the time of its call. */
interface TimeFacts {
  readonly spent: TimeSpent | undefined;
  readonly limit: TimeLimit | undefined;
}

function rebuild(
  call: Call,
  error: RpcError,
  [stop, leftOut]: [stop: string, leftOut: (call: Call) => string],
  { spent, limit }: TimeFacts,
): RpcError {
  const { attempts = [] } = call;
  const { caller } = call.methodRef;
  const name = `${call.service}.${call.method}`;
  const notes = attempts.filter((attempt) => attempt.endpoint !== '').map(describeAttempt);
  if (notes.length > ATTEMPTS_SHOWN) notes.splice(0, notes.length - ATTEMPTS_SHOWN, '...');
  const isLate = error.code === 'DEADLINE_EXCEEDED';
  // It ended while it waited here, and what it waited for says more than any attempt.
  if (isLate && (attempts.at(-1)?.endpoint ?? '') === '') notes.push(error.reason);
  // The words of the server, which may have had it from a server of its own.
  else if (isLate && error.progress === 'processed') notes.push(error.reason, ...whyNoMore(stop, attempts));
  // That an endpoint was looked for again in vain is of no interest.
  else if (notes.length > 0) notes.push(...whyNoMore(stop, attempts));
  // Of a call that found no instance at all its reason names them.
  const others = notes.length > 0 && attempts.at(-1)?.endpoint !== '' ? leftOut(call) : '';
  if (others !== '') notes.push(others);
  if (caller !== undefined) notes.unshift(`called by ${caller}`);
  const what = `${name} ${isLate ? describeLate(call, limit) : `failed: ${error.reason}`}`;
  const facts = notes.length === 0 ? what : `${what} (${notes.join('; ')})`;
  const text = isLate && spent !== undefined ? `${facts}; ${describeTime(spent, lastOf(attempts))}` : facts;
  const { details, retryAfterMs, cause, progress } = error;
  return rpcError(error.code, text, { details, retryAfterMs, cause, progress, hasStack: false });
}

function whyNoMore(stop: string, attempts: readonly AttemptRecord[]): string[] {
  if (stop === '') return [];
  return [
    `${attempts.length > 1 ? 'not tried again' : 'not retried'}: ${stop}${isLost(stop, attempts) ? FREE_TRIAL : ''}`,
  ];
}

/** The last one that was tried, `''` when there was none. */
function lastOf(attempts: readonly AttemptRecord[]): string {
  const last = attempts.findLast(({ endpoint }) => endpoint !== '');
  return last === undefined ? '' : nameInstance(last.endpoint, last.instance);
}

/** Whether a call has failed as a trial that would have been repeated, were it allowed to. */
function isLost(stop: string, attempts: readonly AttemptRecord[]): boolean {
  return stop === NOT_IDEMPOTENT && attempts.at(-1)?.trial !== undefined;
}

const FREE_TRIAL = ', or this trial would have been repeated elsewhere for nothing';

/** The time that was over: what was set, and by whom, rather than what it came to. */
function describeLate(call: Call, limit: TimeLimit | undefined): string {
  const elapsed = `${elapsedMs(call)} ms`;
  if (limit === undefined || limit.text === '') return `took longer than ${elapsed}`;
  const { attempts = [], endedAt, createdAt, deadline } = call;
  // What came before the only attempt is no part of its time.
  const isOnly = attempts.length === 1 && endedAt - createdAt - attempts[0]!.durationMs < 1;
  const isWhole = limit.option === 'timeoutMs' || isOnly;
  // What a first call waits for the registry is not taken from a time that its maker did not give it.
  const beforeMs = limit.option === 'timeoutMs' ? Math.round(deadline - createdAt - limit.ms) : 0;
  const beside = beforeMs > 0 ? `, beside ${beforeMs} ms for the registry to answer` : '';
  if (!isWhole) return `took longer than ${elapsed}, with ${Math.round(limit.ms)} ms for an attempt, ${limit.text}`;
  // Its server has ended or refused it before: by its own clock, or as it had come late already.
  const isEarly = limit.ms - (Math.min(endedAt, deadline) - createdAt) > OVER_MS && beforeMs <= 0;
  const time = `${Math.round(limit.ms)} ms, ${limit.text}${beside}`;
  return isEarly ? `was ended after ${elapsedMs(call)} of ${time}` : `took longer than ${time}`;
}

/** From the call to its end, or to its deadline when it was noticed a little later. */
function elapsedMs(call: Call): number {
  return Math.round(Math.min(call.endedAt, call.deadline) - call.createdAt);
}

function describeAttempt(attempt: AttemptRecord): string {
  const { endpoint, instance, trial } = attempt;
  const text = `${nameInstance(endpoint, instance)} ${describeOutcome(attempt)}`;
  return trial === undefined ? text : `${text}, as its trial: ${describeTrial(trial)}`;
}

/** Why it had been left out, of which an attempt was the trial. */
function describeTrial({ fault, forMs }: Trial): string {
  const time = `for ${forMs < 10_000 ? (forMs / 1_000).toFixed(1) : Math.round(forMs / 1_000)} s`;
  switch (fault) {
    case 'ejected':
      return `it had been ejected ${time}`;
    case 'breaker':
      return `its breaker had been open ${time}`;
    case 'denied':
      return `it had denied the method ${time}`;
    case 'failing':
      return `its last calls had failed, ${time}`;
  }
}

function describeOutcome({ code, progress, durationMs }: AttemptRecord): string {
  const time = `${Math.round(durationMs)} ms`;
  if (code === 'DEADLINE_EXCEEDED') {
    if (progress === 'unsent') return `could not be sent to in ${time}`;
    if (progress === 'processed') return `ended it after ${time}, as it was out of time`;
    return progress === 'refused' ? `refused it as out of time after ${time}` : `no reply in ${time}`;
  }
  if (code === 'UNAVAILABLE') {
    if (progress === 'unsent') return 'could not be reached';
    if (progress === 'refused') return 'was draining';
    return progress === 'maybe-processed' ? `broke off after ${time}` : `answered ${code} after ${time}`;
  }
  if (code === 'RESOURCE_EXHAUSTED' && progress === 'refused') return `was overloaded after ${time}`;
  return `${code} after ${time}`;
}
