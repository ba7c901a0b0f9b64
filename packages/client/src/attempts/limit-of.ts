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
  if (ms === undefined) return limit(call, 'attemptTimeoutMs', call.attempts!.at(-1)!.durationMs, undefined);
  if (call.attemptTimeoutMs !== undefined) return limit(call, 'attemptTimeoutMs', ms, 'call');
  // Other rules have come meanwhile: these are not the ones that have ended it.
  const isSame = call.hasWaited || Math.abs(call.attemptDeadline - call.createdAt - ms) < SAME_MS;
  return limit(call, 'attemptTimeoutMs', ms, isSame ? setBy('attemptTimeoutMs') : undefined);
}

function limitOfCall(call: Call): TimeLimit {
  const { timeout, setBy } = termsOf(call);
  const totalMs = call.deadline - call.createdAt;
  if (call.deadlineBy !== undefined) return limit(call, 'timeoutMs', totalMs, call.deadlineBy);
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
