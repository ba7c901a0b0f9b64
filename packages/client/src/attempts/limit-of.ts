import type { Call, SetBy, TimeLimit } from '@org/rpc-core';

/** Times that differ by less are the same, in milliseconds. */
const SAME_MS = 0.01;

/**
 * The time that a call has used up which has failed for good, and who has set it. Found out from what the call has left behind, so that
 * calls which go well note nothing for it. `undefined` where nothing is known of its method.
 */
export function limitOf(call: Call): TimeLimit | undefined {
  const { terms } = call.methodRef;
  if (terms === undefined) return undefined;
  return isAttempts(call) ? limitOfAttempt(call) : limitOfCall(call);
}

/** Whether the time of the last attempt was over before that of the call. */
function isAttempts({ attempts = [], attemptDeadline, deadline, endedAt }: Call): boolean {
  if (attempts.length === 0 || attempts.at(-1)!.endpoint === '') return false;
  return attempts.length === 1 ? attemptDeadline < deadline - SAME_MS : endedAt < deadline - SAME_MS;
}

function limitOfAttempt(call: Call): TimeLimit {
  const { timeout, setBy } = termsOf(call);
  const ms = call.attemptTimeoutMs ?? timeout.attemptTimeoutMs;
  if (ms === undefined) return shareOfAttempt(call);
  if (call.attemptTimeoutMs !== undefined) return limit(call, 'attemptTimeoutMs', ms, 'call');
  // Other rules have come meanwhile: these are not the ones that have ended it.
  const isSame = call.hasWaited || Math.abs(call.attemptDeadline - call.createdAt - ms) < SAME_MS;
  return limit(call, 'attemptTimeoutMs', ms, isSame ? setBy('attemptTimeoutMs') : undefined);
}

/** Where no `attemptTimeoutMs` is set, an attempt gets a share of what its call has, so that others may follow. */
function shareOfAttempt(call: Call): TimeLimit {
  const { attemptDeadline, createdAt, startedAt, hasWaited, attempts } = call;
  const isFirst = attempts!.length === 1;
  const ms = isFirst ? attemptDeadline - (hasWaited ? startedAt : createdAt) : attempts!.at(-1)!.durationMs;
  const whole = limitOfCall(call);
  const of = `${Math.round(whole.ms)} ms${whole.text === '' ? '' : `, ${whole.text}`}`;
  const text = `the share of one attempt in ${of} (no attemptTimeoutMs is set; a share is at least twice what slow answers take)`;
  const { rulesVersion } = whole;
  return { option: 'attemptTimeoutMs', ms: Math.round(ms * 1_000) / 1_000, setBy: 'share', rulesVersion, text };
}

/** The same of a call as a whole, whatever its attempts had. */
export function limitOfCall(call: Call): TimeLimit {
  const totalMs = call.deadline - call.createdAt;
  if (call.deadlineBy !== undefined) return limit(call, 'timeoutMs', totalMs, call.deadlineBy);
  const { timeout, setBy } = termsOf(call);
  // With the first call the time begins when the servers are known. A layer may have shortened it.
  if (totalMs < timeout.timeoutMs - SAME_MS) return limit(call, 'timeoutMs', totalMs, undefined);
  return limit(call, 'timeoutMs', timeout.timeoutMs, setBy('timeoutMs'));
}

function termsOf({ methodRef }: Call) {
  const terms = methodRef.terms!;
  return { timeout: terms.timeout, setBy: (value: string) => terms.setBy('timeout', value) };
}

function limit(call: Call, option: TimeLimit['option'], ms: number, setBy: SetBy | undefined): TimeLimit {
  const rulesVersion = setBy === 'rule' ? call.methodRef.terms?.rulesVersion : undefined;
  return { option, ms, setBy, rulesVersion, text: textOf(option, setBy, describeRules(call, rulesVersion)) };
}

function textOf(option: string, setBy: SetBy | undefined, rules: string): string {
  switch (setBy) {
    case undefined:
    case 'share':
      return '';
    case 'call':
      return `the ${option} of the call`;
    case 'rule':
      return `the ${option} of ${rules}`;
    case 'contract':
      return `the ${option} of its contract`;
    case 'default':
      return `the default of ${option}`;
    case 'served call':
      return 'which is what the call being served had left';
    default:
      return `the ${option} of ${setBy}`;
  }
}

/** Names the rules of the service that was called: the text may reach those who have called another one. */
export function describeRules({ service }: Call, version: number | undefined): string {
  const rules = `the rules of ${service}`;
  return version === undefined ? rules : `version ${version} of ${rules}`;
}
