import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchReport } from '../src/bench/report/report.js';
import { runRpc } from './run-rpc.js';

describe('rpc bench --self, in real processes', function () {
  // Starting two processes from their TypeScript sources takes a second or two each on a busy machine.
  this.timeout(60_000);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('starts a server, measures the asked number of calls against it, reports, and stops it', async () => {
    const html = join(directory, 'report.html');
    const words = 'bench --self -n 2000 --warmup 0s --connections 2 --timeout 20s --seed 1 --json --html';
    const { code, out, err } = await runRpc([...words.split(' '), html]);
    assert.equal(err, '');
    assert.equal(code, 0);
    const report = JSON.parse(out) as BenchReport;
    assert.equal(report.config.self, true);
    assert.equal(report.result.ok, 2000);
    assert.equal(report.result.errors, 0);
    assert.equal(report.result.endpoints.length, 1);
    assert.equal(report.result.endpoints[0]?.calls, 2000);
    assert.equal(`direct://${report.result.endpoints[0]?.endpoint}`, report.config.registry);
    assert.match(readFileSync(html, 'utf8'), /<title>rpc bench bench\.sum<\/title>/);
    // Without the server's process the port is free again, which only its end explains.
    const after = await runRpc(['call', 'bench.sum', '1', '2', '--registry', report.config.registry]);
    assert.equal(after.code, 1);
    assert.match(after.err, /refused/);
  });

  it('runs an open loop and holds it against a baseline and thresholds', async () => {
    const words = 'bench --self --rate 200 -n 100 --warmup 0s --timeout 20s --payload 1k';
    const first = await runRpc([...words.split(' '), '--json']);
    assert.equal(first.code, 0, first.err);
    const baseline = join(directory, 'baseline.json');
    writeFileSync(baseline, first.out);
    const second = await runRpc([...words.split(' '), '--compare', baseline, '--fail-on', 'p99>1us,errors>50%']);
    assert.equal(second.code, 2, second.err);
    assert.match(second.out, /response time .*\n +service time .*\n +late start /);
    assert.match(second.out, /baseline +now +change/);
    assert.match(second.err, /^rpc bench: threshold crossed: p99>1us: it is [^\n]*\n$/);
  });

  it('prints what was measured when it is interrupted, and exits with 130', async () => {
    let interrupted = false;
    // The first plain progress line shows that it is measuring.
    const { code, out } = await runRpc('bench --self -d 1h --warmup 0s --rate 50'.split(' '), {}, (text, kill) => {
      if (interrupted || !text.includes('measuring')) return;
      interrupted = true;
      kill('SIGINT');
    });
    assert.equal(code, 130);
    assert.match(out, /interrupted: these figures are of a part of the run/);
    assert.match(out, /throughput/);
  });

  it('tells a missing method in one line', async () => {
    const { code, out, err } = await runRpc(['bench', '--self', 'bench.summ']);
    assert.equal(code, 1);
    assert.equal(out, '');
    assert.match(err, /^rpc bench: UNIMPLEMENTED: [^\n]*summ[^\n]*\n$/);
  });
});
