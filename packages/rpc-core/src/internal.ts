export { allowManyCalls, type LinkedSignal, linkSignals } from './cancel.js';
export {
  assertBoolean,
  assertEvent,
  assertFits,
  assertKnownOptions,
  assertList,
  assertNumber,
  assertObject,
  PRIORITY_BOUNDS,
  TIMEOUT_BOUNDS,
} from './check.js';
export { CODE_NUMBERS, codeFromNumber } from './code.js';
export { fuseGates, stack } from './compose.js';
export { runInContext } from './context.js';
export { assertServiceDefinition } from './contract.js';
export { ContractNotices } from './contract-notices.js';
export {
  contractDifferences,
  contractSummary,
  joinContracts,
  readContracts,
} from './contract-summary.js';
export { describeValue } from './describe-value.js';
export { rpcError } from './error.js';
export { everySecond } from './every-second.js';
export { guardLayers, guardStreamLayers } from './guard-layer.js';
export { isPromise } from './is-promise.js';
export { ItemTimes } from './item-times.js';
export { isLate, markLate } from './late.js';
export { latencyBucket, latencyBucketMs } from './latency-buckets.js';
export { resolveLimits } from './limits.js';
export { wireName } from './method-ref.js';
export { assertName, isReservedMethodName, nearestName } from './names.js';
export { channels } from './observe.js';
export { formatJson, plainText, printable } from './plain-text.js';
export {
  type Complete,
  completeValues,
  type PolicyDescription,
  resolvePolicy,
} from './policies/description.js';
export {
  checkPolicyOptions,
  POLICIES,
  policyOptionNames,
} from './policies/policies.js';
export { printLine } from './print-line.js';
export { randomId } from './random.js';
export { nextRules, RULES_HISTORY_MAX, rulesConflict, storedRules } from './rules/next-rules.js';
export { readJson } from './rules/read-json.js';
export { parseRules, RULES_BYTES_MAX, readRules } from './rules/read-rules.js';
export { ruleModes } from './rules/rule-position.js';
export { modesOf, RULE_POLICIES } from './rules/rules-document.js';
export { validateArgs, validateResult } from './schema.js';
export { assertLayersFit, isStreamKind } from './stream-kind.js';
export { surface } from './surface.js';
export { TimerQueue } from './timer-queue.js';
export { cancelledError, sleep, type Waiting, Waits, waitFor } from './wait.js';
