import assert from 'node:assert/strict';
import { systemClock } from '@org/rpc-core';
import { recordSnapshots, type SnapshotRecorder, watchContract } from '@org/rpc-testkit';
import { type DnsServer, startDnsServer, type Zone } from '../../test/dns-server.js';
import type { RegistryEvent } from '../registry.js';
import { type DnsOptions, type DnsService, dns } from './dns.js';

const NAME = 'users.test:4399';

watchContract('dns', async () => {
  const server = await startDnsServer({ 'users.test': { a: ['10.0.0.8', '10.0.0.7'] } });
  return { create: () => dns(NAME, { servers: [server.address] }), close: () => server.close() };
});

interface Watched {
  readonly server: DnsServer;
  readonly recorder: SnapshotRecorder;
  readonly events: readonly RegistryEvent[];
}

/** Looks a name up on a server with these zones, for one test. */
async function watching(
  zones: Readonly<Record<string, Zone>>,
  test: (watched: Watched) => Promise<void>,
  name: string | DnsService = NAME,
  options: DnsOptions = {},
): Promise<void> {
  const server = await startDnsServer(zones);
  const events: RegistryEvent[] = [];
  const onEvent = (event: RegistryEvent): void => void events.push(event);
  const registry = dns(name, { servers: [server.address], ...options });
  const handle = registry.open({ namespace: 'default', clock: systemClock, random: () => 0, onEvent });
  try {
    await test({ server, events, recorder: recordSnapshots(handle, 'users') });
  } finally {
    await handle.close();
    await server.close();
  }
}

describe('dns(), with a server that answers', () => {
  it('lists every IPv4 and IPv6 address with the port', () =>
    watching(
      { 'users.test': { a: ['10.0.0.8', '10.0.0.7', '10.0.0.7'], aaaa: ['2001:db8:0:0:0:0:0:1'] } },
      async ({ recorder }) => {
        const { endpoints, fresh } = await recorder.until(() => true);
        const rest = { port: 4399, weight: 100, state: 'up', isAnyInstance: true };
        assert.equal(fresh, true);
        assert.deepEqual(endpoints, [
          { id: '10.0.0.7:4399', host: '10.0.0.7', ...rest },
          { id: '10.0.0.8:4399', host: '10.0.0.8', ...rest },
          { id: '[2001:db8::1]:4399', host: '2001:db8::1', ...rest },
        ]);
      },
    ));

  it('asks again over TCP when an answer is too long for UDP', () => {
    const a = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    return watching({ 'users.test': { a, truncated: true } }, async ({ recorder, server }) => {
      assert.equal((await recorder.until(() => true)).endpoints.length, 1_000);
      assert.ok(server.asked.includes('tcp A users.test'));
    });
  });

  it('takes ports and weights from service records, and the addresses of their targets', () =>
    watching(
      {
        '_rpc._tcp.users.test': {
          srv: [
            [10, 60, 4399, 'one.test'],
            [10, 20, 4400, 'two.test'],
            [20, 99, 4401, 'backup.test'],
          ],
        },
        'one.test': { a: ['10.0.0.1', '10.0.0.2'] },
        'two.test': { a: ['10.0.0.1'] },
        'backup.test': { a: ['10.0.0.3'] },
      },
      async ({ recorder, server }) => {
        const { endpoints } = await recorder.until(() => true);
        assert.deepEqual(
          endpoints.map(({ id, weight }) => [id, weight]),
          [
            ['10.0.0.1:4399', 30],
            ['10.0.0.1:4400', 20],
            ['10.0.0.2:4399', 30],
          ],
        );
        assert.ok(!server.asked.some((question) => question.includes('backup')));
      },
      { srv: '_rpc._tcp.users.test' },
    ));

  it('publishes an empty list for a name that does not exist, and says so', () =>
    watching({}, async ({ recorder, events }) => {
      const { endpoints, fresh } = await recorder.until(() => true);
      assert.deepEqual({ endpoints, fresh }, { endpoints: [], fresh: true });
      const message = 'dns://users.test:4399: DNS knows no address for this name';
      assert.deepEqual(events, [{ kind: 'unreachable', message }]);
    }));

  it('publishes nothing while the server fails, and reports its error', () =>
    watching({ 'users.test': 'SERVFAIL' }, async ({ recorder, events, server }) => {
      const first = recorder.until(() => true);
      while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(recorder.snapshots.length, 0);
      assert.match(events[0]!.message, /^dns:\/\/users\.test:4399: query[A-Za-z0-9]* ESERVFAIL users\.test$/);
      assert.equal((events[0]!.error as NodeJS.ErrnoException).code, 'ESERVFAIL');
      server.zones.set('users.test', { a: ['10.0.0.7'] });
      assert.equal((await first).endpoints.length, 1);
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['unreachable', 'recovered'],
      );
    }));

  it('gives up on a server that is silent', () =>
    watching(
      { 'users.test': 'silent' },
      async ({ recorder, events }) => {
        while (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(recorder.snapshots.length, 0);
        assert.match(events[0]!.message, /no answer within 50 ms|ETIMEOUT/);
      },
      NAME,
      { timeoutMs: 50 },
    ));
});

describe('dns()', () => {
  it('finds localhost without any server', async () => {
    const handle = dns('localhost:4399').open({ namespace: 'default', clock: systemClock, random: () => 0 });
    const { endpoints } = await recordSnapshots(handle, 'users').until(() => true);
    assert.ok(endpoints.some(({ id }) => id === '127.0.0.1:4399' || id === '[::1]:4399'));
    await handle.close();
  });

  it('counts a server as registered at once, and says that it knows no services', async () => {
    const handle = dns(NAME).open({ namespace: 'default', clock: systemClock, random: () => 0 });
    const endpoint = { id: 'one', host: 'h', port: 1, weight: 100, state: 'up' } as const;
    const registration = handle.register({ services: ['users'], endpoint });
    await registration.registered;
    assert.deepEqual(registration.state(), { status: 'registered' });
    await assert.rejects(handle.services(), { code: 'UNIMPLEMENTED' });
    await handle.close();
  });

  for (const name of ['', 'users', 'users:0', 'a b:1', '10.0.0.7:1', '[::1]:1', 'unix:/run/x', 7, undefined, null]) {
    it(`refuses the name ${JSON.stringify(name)}`, () => {
      assert.throws(() => dns(name as never), /^TypeError: dns: /);
    });
  }

  for (const srv of ['', 'a b', '10.0.0.7', '::1', 7, undefined]) {
    it(`refuses the service name ${JSON.stringify(srv)}`, () => {
      assert.throws(() => dns({ srv } as never), /^TypeError: dns: /);
    });
  }

  for (const [options, message] of [
    [{ refreshMs: 999 }, /refreshMs must be a number from 1000 to 86400000, got 999/],
    [{ timeoutMs: 0 }, /timeoutMs/],
    [{ servers: [] }, /servers must be a list of 1 to 16, got 0/],
    [{ servers: ['a b'] }, /servers\[0\]/],
    [{ servers: ['ns.test'] }, /ns\.test/],
    [{ ttlMs: 1 }, /unknown option "ttlMs"/],
  ] as const) {
    it(`refuses the options ${JSON.stringify(options)}`, () => {
      assert.throws(() => dns(NAME, options as never), { name: 'TypeError', message });
    });
  }
});
