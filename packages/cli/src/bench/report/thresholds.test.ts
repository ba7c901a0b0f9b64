import assert from 'node:assert/strict';
import { report } from '../../../test/report-fixture.js';
import { crossedThresholds, parseThresholds } from './thresholds.js';

const crossed = (text: string, baseline?: ReturnType<typeof report>): readonly string[] =>
  crossedThresholds(parseThresholds(text, baseline !== undefined), report(), baseline);

describe('thresholds', () => {
  it('are crossed when they are true of the report', () => {
    assert.deepEqual(crossed('p99>3ms, errors>0.01%,rps<2000'), [
      'p99>3ms: it is 4.00 ms',
      'errors>0.01%: it is 0.03 %',
      'rps<2000: it is 1,000/s',
    ]);
    assert.deepEqual(crossed('p99>4ms,p99.9>10ms,errors>0.1%,rps<1000,dropped>0,cpu>5'), []);
  });

  it('can be a change against the baseline, in either direction', () => {
    const slower = report('a.b', { okInWindow: 12_000 });
    assert.deepEqual(crossed('rps<-5%,p50>+10%', slower), ['rps<-5%: it is 1,000/s (baseline 1,200/s)']);
  });

  it('are crossed when there is nothing to hold against them', () => {
    const failed = report('a.b', { ok: 0, responseTime: null });
    assert.match(crossedThresholds(parseThresholds('p99>1s', false), failed, undefined)[0] ?? '', /no call succeeded/);
  });

  it('are refused when they make no sense, with what would', () => {
    assert.throws(() => parseThresholds('p99', false), /is not understood; write it like/);
    assert.throws(() => parseThresholds('eror>1%', false), /there is no eror, did you mean errors\?/);
    assert.throws(() => parseThresholds('p99>10', false), /'10' is no time such as/);
    assert.throws(() => parseThresholds('errors>5', false), /'5' is no share such as/);
    assert.throws(() => parseThresholds('p99>+10%', false), /--compare/);
  });

  it('are none for an empty text', () => {
    assert.deepEqual(parseThresholds('', false), []);
  });
});
