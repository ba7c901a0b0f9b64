import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type EtcdServer, startEtcd } from '../packages/registry-etcd/test/etcd-fixture.js';
import { type ExampleResult, startExample } from './run-example.js';

describe('the demo', function () {
  this.timeout(60_000);
  let etcd: EtcdServer | undefined;

  after(() => etcd?.stop());

  it('kills, starts and drains servers without a failed call, with nothing installed', async () => {
    assertGood(await runDemo());
  });

  it('does the same on a real etcd', async () => {
    etcd = await startEtcd();
    assertGood(await runDemo('--registry', `etcd://127.0.0.1:${etcd.port}`));
  });

  it('says in one line that the registry does not answer', async () => {
    const { code, output } = await runDemo('--registry', 'etcd://127.0.0.1:1');
    assert.equal(code, 1, output);
    const complaints = output.split('\n').filter((line) => line.startsWith('demo: '));
    assert.equal(complaints.length, 1, output);
    assert.match(complaints[0]!, /the registry etcd:\/\/127\.0\.0\.1:1 did not answer in 5 s: .*ECONNREFUSED/);
  });

  it('ends its processes when it is interrupted', async () => {
    const demo = startExample('demo/main.js', []);
    await demo.printed('calls/s');
    const children = childrenOf(demo.child.pid!);
    assert.equal(children.length, 4);
    demo.child.kill('SIGINT');
    const { code, output } = await demo.ended;
    assert.equal(code, 130, output);
    assert.match(output, /^demo: interrupted$/m);
    for (const pid of children) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});

/** The ids of the processes that a process has started. */
function childrenOf(pid: number): number[] {
  return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map(Number);
}

function runDemo(...args: readonly string[]): Promise<ExampleResult> {
  return startExample('demo/main.js', ['--seconds', '5', ...args]).ended;
}

function assertGood({ code, output }: ExampleResult): void {
  assert.equal(code, 0, output);
  assert.match(output, /calls failed: 0$/m, output);
  assert.match(output, /server 2 killed: .* it got no more calls/);
  assert.match(output, /server 4 joined: .* it had answered its first call/);
  assert.match(output, /server 1 drained: .* it was gone/);
}
