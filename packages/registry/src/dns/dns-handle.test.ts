import assert from 'node:assert/strict';
import type { Random } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import type { RegistryEvent, RegistryHandle, Snapshot } from '../registry.js';
import { dnsRegistry, readQuestion } from './dns.js';
import type { AddressRecord, DnsResolver, ServiceRecord } from './dns-resolver.js';
import { NO_SEARCH, type SearchList } from './dns-search.js';

/** What a resolver is to answer: records, an error code, or nothing at all. */
type Script<T> = readonly T[] | string | 'silent';

interface World {
  readonly clock: FakeClock;
  readonly handle: RegistryHandle;
  readonly events: RegistryEvent[];
  /** `10.0.0.1 10.0.0.2` for each snapshot, `~` before one that is not fresh, `-10.0.0.3` for one that is gone. */
  readonly seen: string[];
  readonly asked: string[];
  a: Script<AddressRecord>;
  aaaa: Script<AddressRecord>;
  srv: Script<ServiceRecord>;
  /** By name, before `a`. */
  readonly hosts: Map<string, Script<AddressRecord>>;
  lookup: Script<string> | undefined;
  search: SearchList;
  opened: number;
  watch(): () => void;
}

function createWorld({ name = 'users.test:1', random = (() => 0) as Random } = {}): World {
  const clock = new FakeClock();
  const events: RegistryEvent[] = [];
  const answer = <T>(script: Script<T>): Promise<readonly T[]> => {
    if (script === 'silent') return new Promise(() => undefined);
    if (typeof script !== 'string') return Promise.resolve(script);
    return Promise.reject(Object.assign(new Error(`query ${script}`), { code: script }));
  };
  const openResolver = (): DnsResolver => {
    world.opened++;
    const { lookup } = world;
    return {
      resolve4(host) {
        world.asked.push(host);
        return answer(world.hosts.get(host) ?? world.a);
      },
      resolve6: () => answer(world.aaaa),
      resolveSrv: () => answer(world.srv),
      lookup: lookup === undefined ? undefined : () => answer(world.lookup!),
      searchList: async () => world.search,
      cancel: () => undefined,
    };
  };
  const question = readQuestion(name.startsWith('_') ? { srv: name } : name);
  const registry = dnsRegistry(question, { refreshMs: 30_000, timeoutMs: 3_000, openResolver });
  const onEvent = (event: RegistryEvent): void => void events.push(event);
  const world: World = {
    clock,
    handle: registry.open({ namespace: 'test', clock, random, onEvent }),
    events,
    seen: [],
    asked: [],
    a: [],
    aaaa: 'ENODATA',
    srv: [],
    hosts: new Map(),
    lookup: undefined,
    search: NO_SEARCH,
    opened: 0,
    watch() {
      const watch = world.handle.watch('users', (snapshot) => void world.seen.push(shown(snapshot)));
      return () => watch.close();
    },
  };
  return world;
}

function shown({ endpoints, fresh, gone }: Snapshot): string {
  const parts = endpoints.map(({ id }) => id.replace(/:1$/, ''));
  for (const { id, reason } of gone) parts.push(`-${id.replace(/:1$/, '')}:${reason}`);
  return `${fresh ? '' : '~'}${parts.join(' ')}`;
}

function records(...addresses: readonly string[]): readonly AddressRecord[] {
  return addresses.map((address) => ({ address, ttl: 60 }));
}

/** Closes it, and checks that no timer is left. */
async function end(world: World): Promise<void> {
  await world.handle.close();
  await world.clock.advance(3_000);
  assert.equal(world.clock.pending, 0);
}

describe('a DNS name that is watched', () => {
  it('follows changed records, and tells of those that are missing with the reason "unknown"', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1', '10.0.0.2');
    world.watch();
    await world.clock.advance(0);
    world.a = records('10.0.0.2', '10.0.0.3');
    await world.clock.advance(30_000);
    assert.deepEqual(world.seen, ['10.0.0.1 10.0.0.2', '10.0.0.2 10.0.0.3 -10.0.0.1:unknown']);
    await end(world);
  });

  it('publishes nothing when nothing has changed, in whatever order the addresses come', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1', '10.0.0.2');
    world.watch();
    await world.clock.advance(0);
    world.a = records('10.0.0.2', '10.0.0.1');
    await world.clock.advance(90_000);
    assert.equal(world.asked.length, 4);
    assert.equal(world.seen.length, 1);
    await end(world);
  });

  for (const [ttl, random, askedAfterMs] of [
    [60, 0, 30_000],
    [5, 0, 5_000],
    [0, 0, 1_000],
    [5, 0.999, 5_999],
    [60, 0.999, 35_994],
  ] as const) {
    it(`asks again after ${askedAfterMs} ms for a time to live of ${ttl} s and a chance of ${random}`, async () => {
      const world = createWorld({ random: () => random });
      world.a = [{ address: '10.0.0.1', ttl }];
      world.watch();
      await world.clock.advance(askedAfterMs - 1);
      assert.equal(world.asked.length, 1);
      await world.clock.advance(1);
      assert.equal(world.asked.length, 2);
      await end(world);
    });
  }

  for (const trouble of ['ESERVFAIL', 'ECONNREFUSED', 'ETIMEOUT', 'silent', 'ENOTFOUND', 'ENODATA'] as const) {
    it(`keeps the last list, marked as not fresh, through ${trouble}, and tells of beginning and end once`, async () => {
      const world = createWorld();
      world.a = records('10.0.0.1');
      world.watch();
      await world.clock.advance(0);
      world.a = trouble;
      world.aaaa = trouble;
      await world.clock.advance(120_000);
      assert.deepEqual(world.seen, ['10.0.0.1', '~10.0.0.1']);
      world.a = records('10.0.0.1');
      await world.clock.advance(60_000);
      assert.deepEqual(world.seen.slice(2), ['10.0.0.1']);
      assert.deepEqual(
        world.events.map(({ kind }) => kind),
        ['unreachable', 'recovered'],
      );
      await end(world);
    });
  }

  it('waits longer with each failure, by chance, and never longer than usual', async () => {
    const world = createWorld({ random: () => 0.5 });
    world.a = 'ESERVFAIL';
    world.aaaa = 'ESERVFAIL';
    world.watch();
    const counts: number[] = [];
    for (const ms of [499, 1, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
      await world.clock.advance(ms);
      counts.push(world.asked.length);
    }
    assert.deepEqual(counts, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(world.opened, 8, 'a failure is followed by a new resolver, which knows changed settings');
    await end(world);
  });

  it('does not wait for IPv6 when there is an answer for IPv4', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1');
    world.aaaa = 'silent';
    world.watch();
    await world.clock.advance(250);
    assert.deepEqual(world.seen, ['10.0.0.1']);
    assert.deepEqual(world.events, []);
    await end(world);
  });

  it('keeps the addresses of the family for which there is no answer', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1', '10.0.0.2');
    world.aaaa = records('2001:db8::1');
    world.watch();
    await world.clock.advance(0);
    world.a = records('10.0.0.1');
    world.aaaa = 'ESERVFAIL';
    await world.clock.advance(30_000);
    world.aaaa = 'ENODATA';
    await world.clock.advance(30_000);
    const six = '[2001:db8::1]';
    assert.deepEqual(world.seen, [
      `10.0.0.1 10.0.0.2 ${six}`,
      `10.0.0.1 ${six} -10.0.0.2:unknown`,
      `10.0.0.1 -${six}:unknown`,
    ]);
    await end(world);
  });

  it('takes 10,000 addresses, always the same, and says that there are more', async () => {
    const world = createWorld();
    const all = Array.from({ length: 10_001 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
    world.a = records(...all);
    const lists: Snapshot[] = [];
    world.handle.watch('users', (snapshot) => void lists.push(snapshot));
    await world.clock.advance(0);
    world.a = records(...all.reverse());
    await world.clock.advance(30_000);
    assert.deepEqual(
      lists.map(({ endpoints }) => endpoints.length),
      [10_000],
    );
    assert.deepEqual(
      world.events.map(({ message }) => message),
      ['dns://users.test:1: more than 10000 addresses; 1 are ignored'],
    );
    await end(world);
  });

  it('leaves out what is no address', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1', 'evil.test', '', '10.0.0.999');
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual(world.seen, ['10.0.0.1']);
    await end(world);
  });

  it('gives a later watch what it knows, and asks no more often for it', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1');
    world.watch();
    await world.clock.advance(10);
    world.watch();
    await world.clock.advance(10);
    assert.deepEqual([world.seen, world.asked.length], [['10.0.0.1', '10.0.0.1'], 1]);
    await end(world);
  });

  it('tells a watch that begins during an outage that the list is not fresh', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1');
    world.watch();
    await world.clock.advance(0);
    world.a = 'ESERVFAIL';
    world.aaaa = 'ESERVFAIL';
    await world.clock.advance(30_000);
    world.seen.length = 0;
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual(world.seen, ['~10.0.0.1']);
    await end(world);
  });

  it('asks nobody while nobody watches, and at once when somebody does again', async () => {
    const world = createWorld();
    world.a = records('10.0.0.1');
    const close = world.watch();
    await world.clock.advance(0);
    close();
    await world.clock.advance(300_000);
    assert.deepEqual([world.asked.length, world.clock.pending], [1, 0]);
    world.watch();
    await world.clock.advance(0);
    assert.equal(world.asked.length, 2);
    await end(world);
  });

  it('begins no second look-up while one hangs', async () => {
    const world = createWorld();
    world.a = 'silent';
    world.aaaa = 'silent';
    world.watch();
    world.watch();
    await world.clock.advance(2_999);
    assert.equal(world.asked.length, 1);
    await end(world);
  });
});

describe('the name that is asked for', () => {
  it('is completed by the search list, and the first that has an address counts', async () => {
    const world = createWorld({ name: 'users.prod.svc:1' });
    world.search = { domains: ['prod.svc.cluster.local', 'cluster.local'], ndots: 5 };
    world.a = 'ENOTFOUND';
    world.hosts.set('users.prod.svc.cluster.local', records('10.0.0.1'));
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual(world.seen, ['10.0.0.1']);
    assert.deepEqual(world.asked, ['users.prod.svc.prod.svc.cluster.local', 'users.prod.svc.cluster.local']);
    await end(world);
  });

  it('is not replaced by a later one when there is no answer for it', async () => {
    const world = createWorld({ name: 'users:1' });
    world.search = { domains: ['prod', 'test'], ndots: 1 };
    world.hosts.set('users.prod', 'ESERVFAIL').set('users.test', records('10.6.6.6'));
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual(world.seen, []);
    await end(world);
  });

  it('is looked up by the operating system when DNS does not know it', async () => {
    const world = createWorld();
    world.a = 'ENOTFOUND';
    world.aaaa = 'ENOTFOUND';
    world.lookup = ['10.0.0.9', 'fe80::1'];
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual(world.seen, ['10.0.0.9 [fe80::1]']);
    await end(world);
  });

  for (const trouble of ['ESERVFAIL', 'silent'] as const) {
    it(`is not looked up by the operating system, in a thread that others need, when DNS says ${trouble}`, async () => {
      const world = createWorld();
      world.a = trouble;
      world.aaaa = trouble;
      world.lookup = ['10.0.0.9'];
      world.watch();
      await world.clock.advance(20_000);
      assert.deepEqual(world.seen, []);
      await end(world);
    });
  }

  it('is asked of the operating system only when it is localhost', async () => {
    const world = createWorld({ name: 'db.localhost:1' });
    world.a = records('10.6.6.6');
    world.lookup = ['127.0.0.1'];
    world.watch();
    await world.clock.advance(0);
    assert.deepEqual([world.seen, world.asked], [['127.0.0.1'], []]);
    await end(world);
  });
});

describe('service records', () => {
  const record = (name: string, changes: Partial<ServiceRecord> = {}): ServiceRecord => ({
    name,
    port: 1,
    priority: 0,
    weight: 0,
    ...changes,
  });
  const weights = async (srv: readonly ServiceRecord[]): Promise<readonly (readonly [string, number])[]> => {
    const world = createWorld({ name: '_rpc._tcp.users.test' });
    world.srv = srv;
    for (let n = 1; n <= 9; n++) world.hosts.set(`t${n}`, records(`10.0.0.${n}`));
    let last: Snapshot | undefined;
    world.handle.watch('users', (snapshot) => {
      last = snapshot;
    });
    await world.clock.advance(0);
    await end(world);
    return last!.endpoints.map(({ id, weight }) => [id.replace(/:1$/, ''), weight]);
  };

  it('of weight 0 throughout have the usual weight', async () => {
    assert.deepEqual(await weights([record('t1'), record('t2')]), [
      ['10.0.0.1', 100],
      ['10.0.0.2', 100],
    ]);
  });

  it('keep the ratio of their weights within our range, and 0 beside others is a little', async () => {
    assert.deepEqual(
      await weights([record('t1', { weight: 65_535 }), record('t2', { weight: 32_768 }), record('t3')]),
      [
        ['10.0.0.1', 10_000],
        ['10.0.0.2', 5_000],
        ['10.0.0.3', 1],
      ],
    );
  });

  it('with a port of 0 or the target "." are none', async () => {
    assert.deepEqual(await weights([record('t1', { port: 0 }), record('.'), record('')]), []);
  });

  it('keep the addresses of a target for which there is no answer, and drop those of one that is gone', async () => {
    const world = createWorld({ name: '_rpc._tcp.users.test' });
    world.srv = [record('t1'), record('t2'), record('t3')];
    for (let n = 1; n <= 3; n++) world.hosts.set(`t${n}`, records(`10.0.0.${n}`));
    world.watch();
    await world.clock.advance(0);
    world.hosts.set('t1', 'ESERVFAIL').set('t2', 'ENOTFOUND');
    await world.clock.advance(30_000);
    assert.deepEqual(world.seen, ['10.0.0.1 10.0.0.2 10.0.0.3', '10.0.0.1 10.0.0.3 -10.0.0.2:unknown']);
    await end(world);
  });
});
