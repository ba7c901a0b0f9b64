import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { latencies, report } from '../../../test/report-fixture.js';
import { createStyle } from '../../format/style.js';
import { formatComparison, readBaseline } from './compare.js';

const PLAIN = createStyle(false, {});

describe('formatComparison', () => {
  it('shows baseline, now and change of every figure', () => {
    const baseline = report('calculator.sum 1 2', { okInWindow: 8000, responseTime: latencies(2) });
    const text = formatComparison(baseline, report(), PLAIN);
    assert.match(text, /rps +800\/s +1,000\/s +\+25\.0 %/);
    assert.match(text, /p99 +8\.00 ms +4\.00 ms +-50\.0 %/);
    assert.match(text, /retries +2 +2 +=/);
    assert.doesNotMatch(text, /not measured alike/);
  });

  it('colours what became better and worse, not what is noise', () => {
    const style = createStyle(true, {});
    const text = formatComparison(
      report('calculator.sum 1 2', { responseTime: latencies(0.5), okInWindow: 9900 }),
      report(),
      style,
    );
    assert.ok(text.includes(style.bad('+100.0 %')));
    assert.ok(text.includes('  +1.0 %'));
    assert.ok(!text.includes(style.good('+1.0 %')));
  });

  it('says when two runs were not measured alike', () => {
    const text = formatComparison(report('calculator.sum 1 2 --concurrency 8'), report(), PLAIN);
    assert.match(text, /not measured alike: concurrency differ/);
  });

  it('has a word for what the baseline did not have', () => {
    const text = formatComparison(report('a.b', { ok: 10_000, errors: 0, responseTime: null }), report(), PLAIN);
    assert.match(text, /errors +0 % +0\.03 % +new/);
    assert.match(text, /p99 +- +4\.00 ms +-\n/);
  });
});

describe('readBaseline', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const written = (text: string): string => {
    const file = join(directory, 'baseline.json');
    writeFileSync(file, text);
    return file;
  };

  it('reads what --json printed', () => {
    assert.deepEqual(readBaseline(written(JSON.stringify(report()))), report());
  });

  it('says what is wrong with a file that is no report', () => {
    assert.throws(() => readBaseline(join(directory, 'nothing.json')), /--compare cannot read .*nothing\.json: ENOENT/);
    assert.throws(() => readBaseline(written('{')), /--compare cannot read/);
    assert.throws(() => readBaseline(written('null')), /is no report of rpc bench: make one with/);
    assert.throws(() => readBaseline(written('[1]')), /is no report of rpc bench/);
    const other = JSON.stringify({ ...report(), schemaVersion: 99 });
    assert.throws(() => readBaseline(written(other)), /has schema version 99, this version of rpc reads 1/);
  });
});
