import assert from 'node:assert/strict';
import type { Client, ClientOptions } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { defineService, notify, type RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import type { RpcServer } from '@org/rpc-server/internal';
import { FakeClock, manualRegistry, seededRandom } from '@org/rpc-testkit';
import { memoryPair } from '@org/rpc-wire/internal';

const Audit = defineService('audit', { record: notify<(entry: string) => void>(), other: notify<() => void>() });

const on = { mode: 'on', percent: 100 } as const;
const dark = { mode: 'dark', percent: 100 } as const;

/** A client of a service whose only server comes when it is told to. */
class Scene {
  readonly clock = new FakeClock(1_000);
  readonly registry = manualRegistry();
  readonly got: string[] = [];
  readonly effects: string[] = [];
  readonly client: Client;
  #versions = 0;

  constructor(options: ClientOptions = {}) {
    const { clock, registry, got } = this;
    const server = createServer({ name: 'a', clock, registry: memory() }) as RpcServer;
    server.add(Audit, { record: (entry) => void got.push(entry), other: () => {} });
    const resolved = resolveClientOptions({
      registry: registry.registry,
      clock,
      random: seededRandom(1),
      name: 'me',
      ...options,
    });
    this.client = new RpcClient(resolved, async () => {
      const [clientEnd, serverEnd] = memoryPair();
      server.accept(serverEnd);
      return clientEnd;
    });
    this.client.on('ruleWouldApply', ({ policy, count, effect }) => this.effects.push(`${policy} ${count}: ${effect}`));
    this.client.service(Audit);
    registry.publish('audit', []);
  }

  async rule(retryLater: object): Promise<void> {
    this.registry.publishRules('audit', { schemaVersion: 1, version: ++this.#versions, retryLater });
    await this.clock.advance(200);
  }

  /** What becomes of one call each. */
  async record(...entries: readonly string[]): Promise<string[]> {
    const audit = this.client.service(Audit);
    const ends = entries.map((entry) =>
      audit.record(entry).then(
        () => 'kept',
        ({ code }: RpcError) => code,
      ),
    );
    let over = false;
    const all = Promise.all(ends).finally(() => {
      over = true;
    });
    while (!over) await this.clock.advance(10);
    return all;
  }

  async serve(): Promise<void> {
    this.registry.publish('audit', [{ id: 'a', host: 'h', port: 1, weight: 100, state: 'up' }]);
    await this.clock.advance(6_000);
  }

  get kept() {
    return this.client.state().services['audit']!.keptCalls;
  }
}

describe('one-way calls that rules have sent later', () => {
  it('are kept while a rule says so, and a lower bound loses none of them', async () => {
    const scene = new Scene();
    assert.deepEqual(await scene.record('lost'), ['UNAVAILABLE']);
    assert.equal(scene.kept, undefined);
    await scene.rule({ ...on, max: 3 });
    assert.equal(scene.client.state().services['audit']!.methods['record']!.keptMax, 3);
    assert.deepEqual(await scene.record('a', 'b', 'c', 'd'), ['kept', 'kept', 'kept', 'RESOURCE_EXHAUSTED']);
    await scene.rule({ ...on, max: 1, forMs: 50 });
    const { calls, bytes, oldestMs, sent, dropped } = scene.kept!;
    assert.deepEqual([calls, sent, dropped], [3, 0, 0]);
    assert.ok(oldestMs >= 200 && bytes > 3 && bytes < 100, `${oldestMs} ms, ${bytes} bytes`);
    assert.deepEqual(await scene.record('e'), ['RESOURCE_EXHAUSTED']);
    await scene.rule({ mode: 'off' });
    assert.deepEqual(await scene.record('f'), ['UNAVAILABLE']);
    await scene.serve();
    assert.deepEqual(scene.got, ['a', 'b', 'c']);
    assert.deepEqual(scene.kept, { calls: 0, bytes: 0, oldestMs: 0, sent: 3, dropped: 0 });
    await scene.client.close();
  });

  it('are those of single methods, and none where a rule puts it off', async () => {
    const scene = new Scene({ retryLater: true });
    await scene.rule({ ...on, methods: { record: { max: 0 } } });
    assert.deepEqual(await scene.record('a'), ['UNAVAILABLE']);
    await scene.record('b');
    const other = scene.client.service(Audit).other();
    await scene.clock.advance(2_000);
    await other;
    assert.equal(scene.kept?.calls, 1);
    await scene.client.close();
    assert.equal(scene.kept?.dropped, 1);
  });

  it('are told of by a dark rule, which keeps none', async () => {
    const scene = new Scene();
    await scene.rule({ ...dark, max: 1_000 });
    assert.deepEqual(await scene.record('a', 'b'), ['UNAVAILABLE', 'UNAVAILABLE']);
    await scene.clock.advance(1_000);
    assert.deepEqual(scene.effects, ['retryLater 2: it would have been kept, and sent later']);
    assert.equal(scene.kept, undefined);
    await scene.client.close();
  });

  it('are counted once by a dark rule that would keep none, however often they are tried', async () => {
    const scene = new Scene({ retryLater: true, rateLimit: { perSecond: 0.02, burst: 1, wait: false } });
    await scene.rule({ ...dark, max: 0 });
    await scene.serve();
    assert.deepEqual(await scene.record('sent', 'kept'), ['kept', 'kept']);
    await scene.clock.advance(30_000);
    assert.deepEqual([scene.got, scene.kept?.calls], [['sent'], 1]);
    assert.deepEqual(scene.effects, ['retryLater 1: it would not have been kept']);
    await scene.client.close();
  });
});
