import assert from 'node:assert/strict';
import { p2c } from '@org/rpc-client';
import { Balancer } from '@org/rpc-client/internal';
import type { RegistryHandle, Snapshot } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { openEtcdRegistry } from '../src/etcd-registry.js';
import { formatInstanceValue } from '../src/instances/instance-value.js';
import { resolveEtcdOptions } from '../src/options.js';
import { FakeEtcd } from './fake-etcd.js';
import { connectTo } from './fake-etcd-port.js';
import { balancerEnvironment, FakePool } from './fake-links.js';
import { createWorld, endpoint, greeterKey, type World } from './world.js';

const INSTANCES = 10_000;

interface Crowd {
  readonly world: World;
  readonly handle: RegistryHandle;
  readonly pool: FakePool;
  readonly balancer: Balancer;
  readonly snapshots: Snapshot[];
  /** When pickers were made, and the weights of some of their nodes. */
  readonly pickers: { readonly at: number; readonly weights: ReadonlyMap<string, number> }[];
  put(index: number, weight?: number): void;
  end(): Promise<void>;
}

/** A client that knows ten thousand instances. */
async function crowd(areUp = true): Promise<Crowd> {
  const world = createWorld();
  const put = (index: number, weight = 100): void => {
    const id = idOf(index);
    world.etcd.put(greeterKey(id), formatInstanceValue(endpoint(id, { host: hostOf(index), weight })));
  };
  for (let index = 0; index < INSTANCES; index++) put(index);
  const handle = world.open();
  const pool = new FakePool();
  pool.areUp = areUp;
  const pickers: Crowd['pickers'] = [];
  const { create } = p2c();
  const environment = balancerEnvironment(handle, pool, world.clock, seededRandom(1));
  const balancer = new Balancer('greeter', {
    ...environment,
    pickers: {
      name: 'counted',
      create(nodes, health) {
        const weights = new Map(nodes.slice(0, 1_000).map(({ endpoint: { id, weight } }) => [id, weight]));
        pickers.push({ at: world.clock.now(), weights });
        return create(nodes, health);
      },
    },
  });
  balancer.open();
  const snapshots: Snapshot[] = [];
  handle.watch('greeter', (snapshot) => snapshots.push(snapshot));
  await world.clock.advance(0);
  const end = async (): Promise<void> => {
    balancer.close('the test is over');
    await handle.close();
    assert.equal(world.clock.pending, 0);
  };
  return { world, handle, pool, balancer, snapshots, pickers, put, end };
}

/** In order as text, too. */
function idOf(index: number): string {
  return `i${String(index).padStart(5, '0')}`;
}

function hostOf(index: number): string {
  return `10.0.${index >> 8}.${index & 255}`;
}

describe('ten thousand instances', function () {
  this.timeout(30_000);

  it('are read in pages of 500, published once, and ready with one picker', async () => {
    const { world, balancer, snapshots, pickers, end } = await crowd();
    assert.equal(balancer.readyCount, INSTANCES);
    // One more is for the rules of the service.
    assert.deepEqual(world.etcd.calls, Array(INSTANCES / 500 + 1).fill('range'));
    assert.equal(snapshots.length, 1);
    // The first is that of a balancer that knows nothing.
    assert.equal(pickers.length, 2);
    await end();
  });

  it('of which a thousand a second change make a hundred lists and pickers a second, each change in one within 50 ms', async () => {
    const { world, snapshots, pickers, put, end } = await crowd();
    const [lists, made] = [snapshots.length, pickers.length];
    const putAt: number[] = [];
    for (let change = 0; change < 1_000; change++) {
      put(change, change + 1);
      putAt.push(world.clock.now());
      await world.clock.advanceFast(1);
    }
    await world.clock.advance(100);
    assert.ok(snapshots.length - lists <= 101, `${snapshots.length - lists} lists`);
    assert.ok(pickers.length - made <= 101, `${pickers.length - made} pickers`);
    let slowest = 0;
    for (let change = 0; change < 1_000; change++) {
      const first = pickers.find(({ at, weights }) => at >= putAt[change]! && weights.get(idOf(change)) === change + 1);
      assert.ok(first, `the change ${change} came into a picker`);
      slowest = Math.max(slowest, first.at - putAt[change]!);
    }
    assert.ok(slowest <= 50, `${slowest} ms`);
    await end();
  });

  it('keep their objects when others change, so that a change costs no more than itself', async () => {
    const { world, snapshots, put, end } = await crowd();
    const before = new Map(snapshots.at(-1)!.endpoints.map((each) => [each.id, each]));
    put(7, 7);
    await world.clock.advance(10);
    const changed = snapshots.at(-1)!.endpoints.filter((each) => before.get(each.id) !== each);
    assert.deepEqual(
      changed.map(({ id, weight }) => [id, weight]),
      [[idOf(7), 7]],
    );
    await end();
  });

  it('that connect one by one make a quarter as many pickers at most', async () => {
    const { world, pool, balancer, pickers, end } = await crowd(false);
    assert.equal(balancer.readyCount, 0);
    const made = pickers.length;
    for (const link of [...pool.links]) {
      link.set(true);
      await world.clock.advanceFast(1);
    }
    await world.clock.advance(25);
    assert.equal(balancer.readyCount, INSTANCES);
    assert.ok(pickers.length - made <= INSTANCES / 4, `${pickers.length - made} pickers`);
    await end();
  });
});

describe('a thousand clients that lose etcd at once', function () {
  this.timeout(60_000);

  const CLIENTS = 1_000;
  const WINDOW_MS = 100;
  /** The waits after a loss are uniform over 800 ms: 125 are expected in a window, and 175 are four and a half deviations more. */
  const IN_WINDOW_MAX = 175;

  for (const seed of [1, 2, 3]) {
    for (const outageMs of [0, 10_000]) {
      it(`come back spread out, after ${outageMs} ms without etcd, seed ${seed}`, async () => {
        const clock = new FakeClock();
        const etcd = new FakeEtcd(clock);
        const random = seededRandom(seed);
        const options = resolveEtcdOptions({ hosts: 'a:1' });
        let told = 0;
        const handles = Array.from({ length: CLIENTS }, () => {
          const handle = openEtcdRegistry(options, { namespace: 'test', clock, random }, connectTo(etcd));
          handle.watch('greeter', () => told++);
          return handle;
        });
        await clock.advance(1_000);
        assert.equal(told, CLIENTS);
        const reads: number[] = [];
        const lostAt = clock.now();
        // The reads that look after a silent watch are spread, too, and few: only those that follow the loss count.
        etcd.fault = (call) => {
          if (call === 'range') reads.push(clock.now());
          return clock.now() < lostAt + outageMs ? 'hang' : undefined;
        };
        etcd.breakWatches();
        await clock.advance(outageMs + 4_000);
        const most = reads.reduce((max, at, index) => {
          let end = index;
          while (end < reads.length && reads[end]! < at + WINDOW_MS) end++;
          return Math.max(max, end - index);
        }, 0);
        assert.ok(reads.length >= CLIENTS, 'all have come back');
        assert.ok(most <= IN_WINDOW_MAX, `${most} in ${WINDOW_MS} ms`);
        await Promise.all(handles.map((handle) => handle.close()));
      });
    }
  }
});
