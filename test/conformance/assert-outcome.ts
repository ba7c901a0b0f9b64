import assert from 'node:assert/strict';
import { expectedOutcome, type Outcome } from './expected.js';
import type { RequestInfo } from './service.js';
import type { ConformanceCase } from './suite.js';

/** Compares how a call ended with what its case expects. */
export function assertOutcome(outcome: Outcome, testCase: ConformanceCase): void {
  const { timeoutMs } = testCase.request;
  const expected = expectedOutcome(testCase);
  const isWrittenOut = testCase.expectedResponse !== undefined;
  assert.deepEqual(
    outcome.payloads.map(({ data, requestInfo }) => ({ data, ...shown(requestInfo, timeoutMs, isWrittenOut) })),
    expected.payloads.map(({ data, requestInfo }) => ({ data, ...shown(requestInfo, undefined, isWrittenOut) })),
  );
  assert.equal(outcome.error?.code, expected.error?.code, outcome.error?.reason);
  if (isWrittenOut) return;
  assert.deepEqual(
    { ...outcome.error, ...shown(outcome.error?.details, timeoutMs, false), details: undefined },
    { ...expected.error, ...shown(expected.error?.details, undefined, false), details: undefined },
  );
  assert.deepEqual(outcome.metadata, expected.metadata);
}

/** What is compared of a request's information; its time, which the suite does not fix, is checked on the way. */
function shown(info: RequestInfo | undefined, timeoutMs: number | undefined, isWrittenOut: boolean): object {
  if (info === undefined) return {};
  if (timeoutMs !== undefined && info.metadata !== undefined) {
    assert.ok(info.timeoutMs !== undefined && info.timeoutMs > timeoutMs - 100 && info.timeoutMs <= timeoutMs);
  }
  const { metadata, requests } = info;
  return isWrittenOut ? { requests } : { requests, metadata };
}
