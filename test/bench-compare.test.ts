import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const from = (path: string): Promise<Record<string, never>> =>
  import(new URL(`../benchmarks/${path}`, import.meta.url).href);

interface Sample {
  readonly perSecond: number;
  readonly clientUs: number;
  readonly serverUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly failed: number;
  readonly waited: number;
  readonly plainUs?: number;
}

const sample = (perSecond: number, clientUs: number): Sample => ({
  perSecond,
  clientUs,
  serverUs: clientUs,
  p50Us: 100,
  p99Us: 200,
  failed: 0,
  waited: 0.01,
});

describe('the comparison with peers', () => {
  it('compares slices with those of the floor beside them', async () => {
    const { summary } = (await from('compare/lib/statistics.mjs')) as unknown as {
      summary(samples: Sample[], reference?: Sample[]): { ratio: number; cpuRatio: number; perSecond: number };
    };
    // The machine was busy in the second round: both were slow.
    const found = summary(
      [sample(200, 2), sample(20, 2), sample(200, 2)],
      [sample(100, 4), sample(10, 4), sample(100, 4)],
    );
    assert.deepEqual([found.ratio, found.cpuRatio, found.perSecond], [2, 0.5, 200]);
  });

  it('compares calls of which some fail with the same calls without errors beside them', async () => {
    const { summary } = (await from('compare/lib/statistics.mjs')) as unknown as {
      summary(samples: Sample[]): { errorRatio: number };
    };
    const slices = [
      { ...sample(100, 3), plainUs: 4 },
      { ...sample(10, 30), plainUs: 40 },
      { ...sample(100, 3), plainUs: 5 },
    ];
    assert.equal(summary(slices).errorRatio, 1.5);
  });

  it('takes the error of a handler as an answer, and everything else that goes wrong as a fault', async () => {
    const { workloadOf } = (await from('compare/lib/workloads.mjs')) as unknown as {
      workloadOf(name: string): { call(client: object): Promise<unknown> };
    };
    const { NO_SUCH } = (await from('compare/values.mjs')) as unknown as { NO_SUCH: string };
    /** The outcomes of two hundred calls. */
    const outcomes = async (fail: () => unknown): Promise<unknown[]> => {
      const { call } = workloadOf('errors');
      const checked = async (x: number, y: number): Promise<unknown> => (x === 0 ? fail() : x + y);
      const made = [];
      for (let i = 0; i < 200; i++) made.push(await call({ checked }).catch((error: Error) => error.message));
      return made;
    };
    const told = await outcomes(() => {
      throw new Error(`INTERNAL: ${NO_SUCH} (bench.checked)`);
    });
    assert.equal(told.filter((each) => each === undefined).length, 2);
    assert.equal(told.filter((each) => each === 25_017).length, 198);
    const lost = await outcomes(() => {
      throw new Error('the connection was lost');
    });
    assert.equal(lost.filter((each) => each === 'the connection was lost').length, 2);
    const answered = await outcomes(() => 25_000);
    assert.equal(answered.filter((each) => each === 'the error of a handler came as 25000').length, 2);
  });

  it('counts durations within 7 %', async () => {
    const { Histogram } = (await from('compare/lib/histogram.mjs')) as unknown as {
      Histogram: new () => { record(ms: number): void; percentileUs(share: number): number };
    };
    for (const us of [1, 7, 33, 100, 999, 12_345, 5_000_000]) {
      const histogram = new Histogram();
      histogram.record(us / 1000);
      const found = histogram.percentileUs(0.5);
      assert.ok(Math.abs(found / us - 1) < 0.07, `${us} us became ${found}`);
    }
  });

  it('says where others are faster, what failed and what could not be measured', async () => {
    const { writeReport } = (await from('compare/report.mjs')) as unknown as {
      writeReport(folder: string, run: object): string;
    };
    const folder = mkdtempSync(join(tmpdir(), 'bench-report-'));
    try {
      const peer = (name: string, title: string) => ({ name, title, note: 'a & b', version: `${name} 1.0.0` });
      const row = (name: string, perSecond: number) => ({
        name,
        perSecond,
        ratio: 1,
        clientUs: 1,
        serverUs: 2,
        cpuRatio: 1,
        p50Us: 3,
        p99Us: 4,
        failed: 0,
        waited: 0,
      });
      const path = writeReport(folder, {
        date: '2026-01-01',
        machine: { cpu: 'one', cores: 2, system: 'linux', node: 'v20', pinned: true },
        rounds: 1,
        sliceMs: 1,
        peers: [peer('org-rpc', '@org/rpc'), peer('floor', 'floor'), peer('other', 'Other & <co>')],
        rows: [
          {
            scenario: { name: 'two integers', workload: 'sum', callers: 64 },
            peers: [row('org-rpc', 100), row('floor', 150), { name: 'other', error: 'it ended | early\nat line 3' }],
          },
          {
            scenario: { name: '1 % errors', workload: 'errors', callers: 64 },
            peers: [{ ...row('org-rpc', 100), errorRatio: 1.234 }],
          },
        ],
      });
      const page = readFileSync(path, 'utf8');
      assert.match(page, /## Where @org\/rpc is not the fastest\n- Two integers: floor \(1\.50 x\)/);
      assert.match(
        page,
        /\| failed \| CPU, x without errors \|\n(\|---){8}\|\n\| \*\*@org\/rpc\*\* \|.* 0 \| 1\.23 \|/,
      );
      assert.match(page, /Other & <co> \| could not be measured: it ended \/ early/);
      const chart = readFileSync(join(folder, 'two-integers.svg'), 'utf8');
      assert.match(chart, /<title>Two integers<\/title>/);
      assert.deepEqual(readdirSync(folder).sort(), ['1-errors.svg', 'README.md', 'compare.json', 'two-integers.svg']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('measures real processes of both sides', async () => {
    const script = `
      const { measure } = await import('./benchmarks/compare/lib/measure.mjs');
      const scenario = { name: 's', workload: 'errors', callers: 4 };
      const peers = [{ name: 'org-rpc' }, { name: 'floor' }, { name: 'nobody' }];
      const options = { rounds: 2, sliceMs: 30, warmUpMs: 30, firstPort: 20_000 + (process.pid % 900) * 10, say() {} };
      const found = await measure(scenario, peers, options);
      console.log(JSON.stringify([...found].map(([name, x]) => [name, x instanceof Error ? x.message : x])));
      process.exit(0);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
    });
    const found = new Map(JSON.parse(stdout) as [string, Sample[] | string][]);
    for (const name of ['org-rpc', 'floor']) {
      const samples = found.get(name) as Sample[];
      assert.equal(samples.length, 2, `${name}: ${samples}`);
      for (const { perSecond, clientUs, serverUs, failed, plainUs } of samples) {
        assert.ok(perSecond > 0 && clientUs > 0 && serverUs > 0);
        assert.equal(failed, 0);
        assert.ok(plainUs! > 0);
      }
    }
    assert.match(found.get('nobody') as string, /Cannot find module/);
  });
});
