import assert from 'node:assert/strict';
import { latencies, report } from '../../../test/report-fixture.js';
import { createStyle } from '../../format/style.js';
import { formatReport } from './report-text.js';

const PLAIN = createStyle(false, {});

describe('formatReport', () => {
  it('tells load, throughput, percentiles, errors and endpoints', () => {
    const text = formatReport(report(), PLAIN);
    assert.match(text, /^calculator\.sum {2}local:\n/);
    assert.match(text, /closed loop, 64 callers over 1 connection, 10 s after 2 s of warm-up/);
    assert.match(text, /throughput +1,000 calls\/s/);
    assert.match(text, / p50 +p75 +p90 +p95 +p99 +p99\.9 +p99\.99 +max +mean +stdev\n/);
    assert.match(text, /latency +1\.00 ms +1\.20 ms +1\.50 ms +2\.00 ms +4\.00 ms +10\.0 ms +20\.0 ms +30\.0 ms/);
    assert.match(text, /UNAVAILABLE +3 +0\.03 % +UNAVAILABLE: <gone> & away/);
    assert.match(text, /10\.0\.0\.2:4399 +4,000 +40\.0 % +3 +1\.10 ms +5\.00 ms/);
    assert.ok(!text.includes('\u001b'));
  });

  it('tells response, service and start apart in an open loop', () => {
    const text = formatReport(report('a.b --rate 5000', { lateStart: latencies(0.5) }), PLAIN);
    assert.match(text, /open loop, 5,000 calls\/s \(poisson\)/);
    assert.match(text, /response time +1\.00 ms/);
    assert.match(text, /service time +1\.00 ms/);
    assert.match(text, /late start +500 us/);
  });

  it('warns of a saturated generator, dropped and unfinished calls, and an interruption', () => {
    const text = formatReport(
      report('a.b --rate 10', {
        generator: { cpuUs: 1, eventLoopUtilisation: 0.9 },
        dropped: 5,
        unfinished: 2,
        interrupted: true,
      }),
      PLAIN,
    );
    assert.match(text, /generator saturated \(event loop 90\.0 % busy\)/);
    assert.match(text, /5 calls dropped: 1,000 were in flight \(--max-in-flight\)/);
    assert.match(text, /2 calls had no outcome/);
    assert.match(text, /interrupted/);
  });

  it('shows no latencies when no call succeeded, and says so', () => {
    const text = formatReport(report('a.b', { ok: 0, responseTime: null, serviceTime: null }), PLAIN);
    assert.doesNotMatch(text, /p99\.9/);
    assert.match(text, /no call succeeded/);
  });
});
