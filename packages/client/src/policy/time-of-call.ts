import {
  type AttemptRecord,
  type Call,
  type CallPhase,
  type CallStanding,
  type DownstreamCall,
  isRpcError,
  type PhaseTimes,
  type RpcError,
  type TimeSpent,
} from '@org/rpc-core';
import { nameInstance } from './name-call.js';

/** From this share of an attempt on, an event loop that was late is taken for the reason why nothing was heard. */
const LATE_SHARE = 0.25;

/** An event loop that was late by less than this share of the attempt has not held it back. */
const HICCUP_SHARE = 0.04;

/** A lateness of this process takes the blame of a whole call only when it covers more than this share of the call's time. */
const MOST_SHARE = 0.5;

/** What happens at one instance, or on the way to it. All other phases are a matter of this process, or of the registry. */
const PHASES_THERE: ReadonlySet<CallPhase> = new Set([
  'connection',
  'network',
  'process',
  'queue',
  'handler',
  'downstream',
  'server',
]);

/** A server that was asked and has said nothing for so long, and for this share of the attempt, was not to be heard. */
const SILENT_MS = 25;
const SILENT_SHARE = 0.1;

/** What takes less than this is not worth a word, in milliseconds. */
const WORTH_MS = 1;

/** What the time of an attempt went to of which its server has said with the answer how long it had it; `undefined` where it has not. */
export function timeAsTold({ trail, startedAt, endedAt }: Call): PhaseTimes | undefined {
  const standing = trail?.standing;
  if (standing?.isDone !== true) return undefined;
  const totalMs = Math.max(0, endedAt - startedAt);
  // The server's clock may run a little faster.
  const thereMs = Math.min(standing.sinceMs, totalMs);
  const queue = Math.min(standing.waitedMs, thereMs);
  return { network: totalMs - thereMs, queue, handler: thereMs - queue };
}

/** What the time of an attempt that has failed went to, by what was noted of it, and by what its server said. */
export function timeOfAttempt(attempt: Call, error: RpcError): PhaseTimes {
  const told = timeAsTold(attempt);
  if (told !== undefined) {
    if (error.progress === 'refused') return beforeHandler(told);
    return error.code === 'DEADLINE_EXCEEDED' ? withDownstream(told, attempt.trail?.standing) : told;
  }
  const phases: PhaseTimes = {};
  const { startedAt, endedAt, attemptDeadline } = attempt;
  // It never got as far as a node: what it waited for is noted of the call.
  if (startedAt === 0 || attempt.destination === undefined) return phases;
  const end = Math.min(endedAt, Math.max(startedAt, attemptDeadline));
  const totalMs = Math.max(0, end - startedAt);
  if (error.code === 'DEADLINE_EXCEEDED' && error.progress === 'maybe-processed') unanswered(phases, attempt, end);
  // The server has noticed it first: what it said of the call before still holds.
  else if (
    error.code === 'DEADLINE_EXCEEDED' &&
    error.progress === 'processed' &&
    attempt.trail?.standing !== undefined
  )
    unanswered(phases, attempt, end);
  else if (isCutShort(error)) cutOff(phases, attempt, end);
  else addPhase(phases, phaseOf(error), totalMs);
  if (error.code === 'DEADLINE_EXCEEDED') addPhase(phases, 'loop', overrunMs(attempt));
  return phases;
}

/** For how long this process was late to notice that the time of an attempt was over, within that of its call. */
function overrunMs({ attemptDeadline, deadline, endedAt, methodRef }: Call): number {
  const end = Math.min(endedAt, deadline);
  return end > attemptDeadline ? (methodRef.loop?.lateMs(attemptDeadline, end) ?? 0) : 0;
}

/** Whether it was the time of the call being served that has cancelled it: this one was late too. */
export function isCutShort({ code, cause }: RpcError): boolean {
  return code === 'CANCELLED' && isRpcError(cause, 'DEADLINE_EXCEEDED');
}

/** An attempt that was cancelled before its own time was over: it may have been asked after, or not yet. */
function cutOff(phases: PhaseTimes, attempt: Call, end: number): void {
  if (attempt.trail?.asked !== undefined) return unanswered(phases, attempt, end);
  const totalMs = end - attempt.startedAt;
  const loopMs = Math.min(totalMs, attempt.methodRef.loop?.lateMs(attempt.startedAt, end) ?? 0);
  addPhase(phases, 'loop', loopMs);
  addPhase(phases, 'server', totalMs - loopMs);
}

/** The same where the server had said before its answer for which call of its own the handler waited: until its time was over, for all that is known. */
function withDownstream(times: PhaseTimes, standing: CallStanding | undefined): PhaseTimes {
  const { downstream, sinceMs = 0 } = standing?.before ?? {};
  if (downstream === undefined) return times;
  const { handler = 0, ...others } = times;
  const downstreamMs = Math.min(handler, downstream.sinceMs + Math.max(0, standing!.sinceMs - sinceMs));
  return { ...others, downstream: downstreamMs, handler: handler - downstreamMs };
}

/** The call that the handler of an attempt has waited for, as far as its server has said. */
export function downstreamOf({ trail }: Call): DownstreamCall | undefined {
  const standing = trail?.standing?.before ?? trail?.standing;
  if (standing?.downstream === undefined) return undefined;
  const { service, method, instance } = standing.downstream;
  return { service, method, instance };
}

/** No handler was started: whatever time the server had it, it lay before. */
function beforeHandler({ network = 0, queue = 0, handler = 0 }: PhaseTimes): PhaseTimes {
  return { network, queue: queue + handler };
}

/** What an attempt was busy with that did not run out of time without a word. */
function phaseOf({ code, progress, lost }: RpcError): CallPhase {
  if (progress === 'unsent') return 'connection';
  if (progress === 'refused') return 'queue';
  return lost || code === 'UNAVAILABLE' ? 'network' : 'handler';
}

/** An attempt that was sent, and got no answer. */
function unanswered(phases: PhaseTimes, attempt: Call, end: number): void {
  const { startedAt, trail, methodRef } = attempt;
  const totalMs = end - startedAt;
  const lateMs = Math.min(totalMs, methodRef.loop?.lateMs(startedAt, end) ?? 0);
  const asked = trail?.asked;
  if (trail?.standing !== undefined && typeof asked === 'number')
    return standingAt(phases, { ...trail.standing, asked }, { startedAt, end, lateMs });
  // In the middle of its time this process was busy, and at the end it still was. Where it ran after the call had begun, the call was sent, and
  // no answer was among what has been read since: then it is not why.
  if (asked === undefined && lateMs > 0)
    return addPhase(phases, methodRef.loop!.ranBetween(startedAt, end) ? 'server' : 'loop', totalMs);
  // It was asked again, with time enough for an answer, and said nothing: whatever this process did before is not why.
  if (typeof asked === 'number' && end - asked > Math.max(SILENT_MS, totalMs * SILENT_SHARE))
    return addPhase(phases, standsStill(attempt, asked) ? 'process' : 'network', totalMs);
  const isOwn = lateMs > totalMs * LATE_SHARE;
  // When this process came to itself, little was left: what the server did meanwhile could no longer arrive.
  const loopMs = isOwn && typeof asked === 'number' ? Math.min(totalMs, asked - startedAt) : lateMs;
  addPhase(phases, 'loop', loopMs);
  addPhase(phases, asked === undefined || asked === 'cannot' ? 'server' : 'network', totalMs - loopMs);
}

/** Whether nothing came from an instance since it was asked, while others at its host were heard: then it is not the way there. */
function standsStill({ destination }: Call, asked: number): boolean {
  return destination !== undefined && (destination.heardAt ?? 0) <= asked && (destination.hostHeardAt ?? 0) > asked;
}

/** The server has said where the call stood. */
function standingAt(
  phases: PhaseTimes,
  standing: CallStanding & { asked: number },
  { startedAt, end, lateMs }: { startedAt: number; end: number; lateMs: number },
): void {
  const wayMs = (standing.at - standing.asked) / 2;
  const cameAt = Math.min(end, Math.max(startedAt, standing.at - wayMs - standing.sinceMs));
  const thereMs = cameAt - startedAt;
  const loopMs = Math.min(heldBackMs(standing, { startedAt, end, lateMs }), Math.max(0, thereMs - wayMs));
  addPhase(phases, 'loop', loopMs);
  addPhase(phases, 'network', thereMs - loopMs);
  const queueMs = standing.isRunning ? Math.min(standing.waitedMs, end - cameAt) : end - cameAt;
  addPhase(phases, 'queue', queueMs);
  const handlerMs = end - cameAt - queueMs;
  // As of the middle of the attempt, and so to its end.
  const { downstream } = standing;
  const waitsMs = downstream === undefined ? 0 : downstream.sinceMs + end - standing.at + wayMs;
  const downstreamMs = Math.max(0, Math.min(handlerMs, waitsMs));
  addPhase(phases, 'downstream', downstreamMs);
  addPhase(phases, 'handler', handlerMs - downstreamMs);
}

/**
 * For how long this process may have held a call back that came late. Lateness is counted from when a timer was due, so of a time that this
 * process was busy only the end is seen. What it has seen is taken for such an end when it is no hiccup, and the server answered at once
 * when it was asked: one that did not was standing still itself.
 */
function heldBackMs(
  { at, asked }: { at: number; asked: number },
  { startedAt, end, lateMs }: { startedAt: number; end: number; lateMs: number },
): number {
  const totalMs = end - startedAt;
  const wasSilent = at - asked > Math.max(SILENT_MS, totalMs * SILENT_SHARE);
  return wasSilent || lateMs < totalMs * HICCUP_SHARE ? lateMs : asked - startedAt;
}

/**
 * Where the time of a call went that has failed for good, and what is at fault: what has taken most of it. `undefined` where that
 * is not the question: the call was answered, cancelled, or refused for what it is.
 */
export function timeOfCall(call: Call, error: RpcError): TimeSpent | undefined {
  const { code, progress } = error;
  const isLate = code === 'DEADLINE_EXCEEDED' || isCutShort(error);
  if (!isLate && (code !== 'UNAVAILABLE' || progress === 'processed')) return undefined;
  const totalMs = Math.max(0, Math.min(call.endedAt, call.deadline) - call.createdAt);
  const phases: PhaseTimes = {};
  const { trail, attempts = [] } = call;
  for (const each of [trail?.waits, ...attempts.map((attempt) => attempt.phases)]) {
    for (const [phase, ms] of Object.entries(each ?? {})) addPhase(phases, phase as CallPhase, Math.min(ms, totalMs));
  }
  const known = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
  addPhase(phases, 'layers', totalMs - known > WORTH_MS ? totalMs - known : 0);
  const [longest] = byTime(phases);
  // Refused at once: nothing took any time.
  const culprit = trail?.lack ?? longest?.[0] ?? phaseOf(error);
  const atFault = isLate ? (mostOf(phases, totalMs) ?? culprit) : culprit;
  const most = PHASES_THERE.has(atFault) ? longestOf(attempts, atFault) : undefined;
  const noticedLateMs = Math.round(call.methodRef.loop?.lateMs(call.deadline, call.endedAt) ?? 0);
  const late = noticedLateMs > 0 ? { noticedLateMs } : undefined;
  const spent = { totalMs, phases: rounded(phases), culprit: atFault, ...late };
  if (most === undefined) return spent;
  const { endpoint, instance, downstream } = most;
  return {
    ...spent,
    endpoint,
    ...(instance !== undefined && { instance }),
    ...(atFault === 'downstream' && { downstream }),
  };
}

/**
 * The phase that has taken most of the time. That this process was busy now and then is not the reason where other things together
 * have taken more: then it is the longest of those.
 */
function mostOf(phases: PhaseTimes, totalMs: number): CallPhase | undefined {
  const [longest, second] = byTime(phases);
  if (longest?.[0] !== 'loop' || longest[1] > totalMs * MOST_SHARE) return longest?.[0];
  return second?.[0] ?? 'loop';
}

/** Of several attempts the one that the phase has taken the most of: the last one may only have had the rest of the time. */
function longestOf(attempts: readonly AttemptRecord[], phase: CallPhase): AttemptRecord | undefined {
  let most = 0;
  let longest: AttemptRecord | undefined;
  for (const each of attempts) {
    const ms = each.phases?.[phase] ?? 0;
    if (ms > most && each.endpoint !== '') {
      most = ms;
      longest = each;
    }
  }
  return longest;
}

/** Says it in words, for the message of an error. @param last - the instance that was tried last, `''` for none */
export function describeTime(
  { totalMs, phases, culprit, endpoint, instance, downstream, noticedLateMs }: TimeSpent,
  last: string,
): string {
  const ms = `${Math.round(phases[culprit] ?? 0)} of ${Math.round(totalMs)} ms`;
  const others = byTime(phases).filter(([phase, time]) => phase !== culprit && time >= WORTH_MS);
  const rest = others.map(([phase, time]) => `${phase} ${Math.round(time)} ms`).join(', ');
  const there = endpoint === undefined ? last : nameInstance(endpoint, instance);
  const text = `at fault: ${describeCulprit(culprit, there, ms, downstream)}${rest === '' ? '' : ` (${rest})`}`;
  return noticedLateMs === undefined
    ? text
    : `${text}; that its time was over was noticed ${noticedLateMs} ms late, as this process stood still`;
}

function describeCulprit(
  culprit: CallPhase,
  instance: string,
  ms: string,
  downstream: DownstreamCall | undefined,
): string {
  const there = instance === '' ? 'the server' : instance;
  switch (culprit) {
    case 'loop':
      return `the event loop of this process, busy with something else for ${ms}`;
    case 'layers':
      return `the layers of this client, or what this process did between them, for ${ms}`;
    case 'metadata':
      return `the metadata function of this client, which took ${ms}`;
    case 'limits':
      return `a limit of this client, which let it wait for ${ms}`;
    case 'registry':
      return `the registry, which named no instance for ${ms}`;
    case 'connection':
      return `the connection, which could not be had for ${ms}`;
    case 'network':
      return `the network to ${there}, or its process stands still: nothing came back for ${ms}`;
    case 'process':
      return `the process of ${there}, which stood still: nothing came from it for ${ms}, while others at its host answered`;
    case 'queue':
      return `the queue of ${there}, in which it waited for ${ms} before a handler began`;
    case 'handler':
      return `the handler at ${there}, or a call of its own, which had it for ${ms}`;
    case 'downstream':
      return `${nameDownstream(downstream)}, for which the handler at ${there} waited for ${ms}`;
    case 'server':
      return `${there}, or the network to it, from which no answer came for ${ms}`;
    case 'retry':
      return `the waits between attempts, ${ms}`;
    case 'fault':
      return `a fault that was made on purpose, for ${ms}`;
  }
}

function nameDownstream(downstream: DownstreamCall | undefined): string {
  if (downstream === undefined) return 'a call of its own';
  const { service, method, instance } = downstream;
  return `${service}.${method}${instance === undefined ? '' : ` at [${instance}]`}`;
}

function addPhase(phases: PhaseTimes, phase: CallPhase, ms: number): void {
  if (ms > 0) phases[phase] = (phases[phase] ?? 0) + ms;
}

function byTime(phases: Readonly<PhaseTimes>): [CallPhase, number][] {
  return (Object.entries(phases) as [CallPhase, number][]).sort(([, a], [, b]) => b - a);
}

function rounded(phases: PhaseTimes): PhaseTimes {
  const whole: PhaseTimes = {};
  for (const [phase, ms] of byTime(phases)) whole[phase] = Math.round(ms * 10) / 10;
  return whole;
}
