import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@org/rpc';
import { type EtcdServer, startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { until } from '../../packages/registry-etcd/test/until.js';
import { type Load, type LoadResult, startLoad } from './load.js';
import { Processes, type ServerProcess } from './processes.js';
import { Probe } from './service.js';

/** The deadline of a call, and what a busy machine may add before it is noticed. */
const SETTLED_MS = 2_000 + 1_000;

for (const kind of ['local', 'etcd'] as const) {
  describe(`real processes on the ${kind} registry`, function () {
    this.timeout(60_000);
    let etcd: EtcdServer | undefined;
    let directory: string;
    let processes: Processes;
    let client: Client;
    let load: Load | undefined;

    /** Resolves when each of these has answered twenty calls more. */
    const called = async (...servers: readonly ServerProcess[]): Promise<void> => {
      const before = servers.map(({ pid }) => load!.answers(pid));
      const more = (): boolean => servers.every(({ pid }, index) => load!.answers(pid) > before[index]! + 20);
      await until(more, 'all servers to be called', 30_000);
    };

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'rpc-faults-'));
      if (kind === 'etcd') etcd = await startEtcd();
      const registry = etcd === undefined ? `local:${directory}` : etcd.url.replace('http:', 'etcd:');
      processes = new Processes(registry);
      client = createClient({ registry });
    });

    afterEach(async () => {
      await load?.stop();
      load = undefined;
      await client.close();
      await processes.close();
      await etcd?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    it('lose no idempotent call when one is killed, and use one that joins', async () => {
      const [first, second] = await Promise.all([processes.start(), processes.start(), processes.start()]);
      await client.ready(Probe);
      load = startLoad(client);
      await called(first, second);
      first.signal('SIGKILL');
      await first.exited;
      const fourth = await processes.start();
      await called(fourth);
      assertNothingLost(await load.stop());
    });

    it('lose no call when one is stopped with SIGTERM', async () => {
      const [first] = await Promise.all([processes.start(), processes.start()]);
      await client.ready(Probe);
      load = startLoad(client, 16, 20);
      await called(first);
      first.signal('SIGTERM');
      assert.equal(await first.exited, 0);
      assertNothingLost(await load.stop());
    });

    it('settle every call by its deadline when one is frozen, and use it again when it thaws', async () => {
      const [first] = await Promise.all([processes.start(), processes.start(), processes.start()]);
      await client.ready(Probe);
      load = startLoad(client);
      await called(first);
      first.signal('SIGSTOP');
      const state = (): string | undefined =>
        client.state().services['probe']?.nodes.find((node) => node.instance === first.instance)?.connection;
      await until(() => state() !== 'ready', 'the frozen server to be noticed', 20_000);
      first.signal('SIGCONT');
      await called(first);
      const result = await load.stop();
      assertNothingLost(result);
      assert.ok(result.longestMs < SETTLED_MS, `a call took ${result.longestMs} ms`);
    });

    it('use a server again that is restarted on the same port', async () => {
      const [first] = await Promise.all([processes.start(), processes.start()]);
      await client.ready(Probe);
      load = startLoad(client);
      await called(first);
      first.signal('SIGKILL');
      await first.exited;
      const reborn = await processes.start(first.port);
      assert.notEqual(reborn.instance, first.instance);
      await called(reborn);
      assertNothingLost(await load.stop());
    });

    it('answer calls without a server with what to do', async () => {
      await assert.rejects(client.service(Probe).with({ timeoutMs: 5_000 }).ask(0), (error: Error) => {
        assert.match(error.message, /^UNAVAILABLE: .*"probe" has no instance in registry .* start a server/);
        return true;
      });
    });

    if (kind !== 'etcd') return;

    it('are called on while etcd is killed, restarted, frozen and thawed', async () => {
      const [first, second] = await Promise.all([processes.start(), processes.start()]);
      await client.ready(Probe);
      load = startLoad(client);
      await called(first, second);
      await etcd!.kill('SIGKILL');
      await called(first, second);
      await etcd!.restart();
      await etcd!.kill('SIGSTOP');
      await called(first, second);
      await etcd!.kill('SIGCONT');
      const third = await processes.start();
      await called(third);
      await called(first, second);
      assertNothingLost(await load.stop());
    });
  });
}

function assertNothingLost(result: LoadResult): void {
  assert.ok(result.made > 40, `only ${result.made} calls were made`);
  assert.deepEqual(
    result.failures.map((error) => error.message),
    [],
    `${result.failures.length} of ${result.made} calls failed`,
  );
}
