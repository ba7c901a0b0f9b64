import assert from 'node:assert/strict';
import { report } from '../../test/report-fixture.js';

/** The paths of all leaves of a value, of a list those of its first element. */
function paths(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return paths(value[0], `${prefix}[]`);
  if (typeof value !== 'object' || value === null) return [prefix];
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, prefix === '' ? key : `${prefix}.${key}`));
}

const LATENCY = 'minMs meanMs stdevMs p50Ms p75Ms p90Ms p95Ms p99Ms p999Ms p9999Ms maxMs'.split(' ');

describe('createReport', () => {
  it('keeps the keys of schema version 1, on which programs rely', () => {
    const made = report('calculator.sum 1 2 --rate 1000', { lateStart: report().result.responseTime });
    assert.equal(made.schemaVersion, 1);
    const config =
      'service method argumentCount payloadBytes registry namespace self loop connections concurrency ratePerSecond ' +
      'arrivals maxInFlight warmupMs durationMs requests timeoutMs idempotent seed';
    const plain = 'complete windowMs warmupCalls calls ok errors errorShare dropped unfinished retries callsPerSecond';
    assert.deepEqual(paths(made), [
      'schemaVersion',
      'tool.name',
      'tool.version',
      'startedAt',
      ...config.split(' ').map((key) => `config.${key}`),
      ...'node platform arch cpuModel cores'.split(' ').map((key) => `environment.${key}`),
      ...plain.split(' ').map((key) => `result.${key}`),
      ...['responseTime', 'serviceTime', 'lateStart'].flatMap((key) => LATENCY.map((leaf) => `result.${key}.${leaf}`)),
      ...'code count example'.split(' ').map((key) => `result.errorsByCode[].${key}`),
      ...'endpoint calls errors p50Ms p99Ms'.split(' ').map((key) => `result.endpoints[].${key}`),
      ...'cpuUsPerCall eventLoopUtilisation saturated'.split(' ').map((key) => `result.generator.${key}`),
      ...'phase startMs durationMs ok errors dropped callsPerSecond p50Ms p99Ms'
        .split(' ')
        .map((key) => `result.series[].${key}`),
    ]);
  });

  it('is the same after a way through JSON', () => {
    const made = report();
    assert.deepEqual(JSON.parse(JSON.stringify(made)), made);
  });

  it('computes shares and rates over what they are about', () => {
    const { result } = report();
    assert.equal(result.calls, 10_000);
    assert.equal(result.errorShare, 3 / 10_000);
    assert.equal(result.callsPerSecond, 1000);
    assert.equal(result.generator.cpuUsPerCall, 5);
  });

  it('has no infinite or missing number when nothing happened', () => {
    const nothing = { ok: 0, errors: 0, okInWindow: 0, endedInWindow: 0, windowMs: 0, responseTime: null };
    const { result } = report('a.b', nothing);
    assert.equal(result.callsPerSecond, 0);
    assert.equal(result.errorShare, 0);
    assert.equal(result.generator.cpuUsPerCall, null);
  });

  it('calls the generator saturated in an open loop whose event loop is busier than 0.85', () => {
    const busy = { generator: { cpuUs: 1, eventLoopUtilisation: 0.86 } };
    const calm = { generator: { cpuUs: 1, eventLoopUtilisation: 0.85 } };
    assert.equal(report('a.b --rate 10', busy).result.generator.saturated, true);
    assert.equal(report('a.b --rate 10', calm).result.generator.saturated, false);
    assert.equal(report('a.b', busy).result.generator.saturated, false);
  });
});
