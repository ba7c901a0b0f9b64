import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, createServer, defineService, etcd, isRpcError, method } from '@org/rpc';
import { runCli, systemTerminal } from '@org/rpc-cli';
import { eventually } from '@org/rpc-testkit';
import { type EtcdServer, startEtcd } from './etcd-fixture.js';

const Shop = defineService('shop', { charge: method<() => string>() });
const Till = defineService('till', { pay: method<() => string>() });
const RULES = { schemaVersion: 1, switch: { mode: 'on', methods: { charge: { enabled: false, message: 'closed' } } } };

describe('rules over a real etcd, as an operator uses them', function () {
  this.timeout(30_000);
  let etcdServer: EtcdServer;
  let directory: string;

  before(async () => {
    etcdServer = await startEtcd();
    directory = mkdtempSync(join(tmpdir(), 'rpc-rules-'));
  });
  after(async () => {
    await etcdServer.stop();
    rmSync(directory, { recursive: true });
  });

  /** Runs `rpc rules`, and gives what it prints. */
  async function rpc(...words: string[]): Promise<string> {
    let printed = '';
    const print = (text: string): void => {
      printed += text;
    };
    const terminal = { ...systemTerminal(), out: print, err: print, outIsTerminal: false };
    const code = await runCli(['rules', ...words, '--registry', `etcd://127.0.0.1:${etcdServer.port}`], terminal);
    assert.equal(code, 0, printed);
    return printed;
  }

  it('change a client that runs, outlive an outage of etcd, and are rolled back', async () => {
    const registry = etcd({ hosts: etcdServer.url });
    const server = createServer({ registry });
    server.add(Shop, { charge: () => 'charged' });
    await server.listen();
    const client = createClient({ registry, name: 'till-1' });
    const shop = client.service(Shop);
    await client.ready(Shop);
    const applied = (version: number | undefined): Promise<void> =>
      eventually(
        new Promise<void>((resolve) => {
          client.on('rulesApplied', (event) => event.version === version && resolve());
        }),
        () => `version ${version} was not applied`,
        undefined,
        15_000,
      );
    const isClosed = (error: unknown): boolean => isRpcError(error, 'UNAVAILABLE') && /: closed$/.test(error.reason);
    const file = (rules: object): string => {
      writeFileSync(join(directory, 'rules.json'), JSON.stringify(rules));
      return join(directory, 'rules.json');
    };
    assert.equal(await shop.charge(), 'charged');
    const first = applied(1);
    await rpc('set', 'shop', file(RULES));
    await first;
    await assert.rejects(shop.charge(), isClosed);
    await etcdServer.kill('SIGKILL');
    await assert.rejects(shop.charge(), isClosed);
    await etcdServer.restart();
    await assert.rejects(shop.charge(), isClosed);
    const second = applied(2);
    await rpc('set', 'shop', file({ schemaVersion: 1, comment: 'open again' }));
    await second;
    assert.equal(await shop.charge(), 'charged');
    const third = applied(3);
    assert.match(await rpc('rollback', 'shop', '1'), /version 3 is set/);
    await third;
    await assert.rejects(shop.charge(), isClosed);
    const none = applied(undefined);
    await rpc('delete', 'shop');
    await none;
    assert.equal(await shop.charge(), 'charged');
    await client.close();
    await server.close({ drainMs: 0, graceMs: 0 });
  });

  it('change a server that runs, which keeps them while etcd is away, and takes its options again', async () => {
    const registry = etcd({ hosts: etcdServer.url });
    const server = createServer({ registry, name: 'till' });
    server.add(Till, { pay: () => 'paid' });
    const events: string[] = [];
    let wake = (): void => {};
    server.on('rules', (event) => {
      if (event.type !== 'wouldApply') events.push(`${event.type} ${event.version}`);
      wake();
    });
    const told = (what: string): Promise<void> =>
      eventually(
        new Promise<void>((resolve) => {
          wake = () => events.includes(what) && resolve();
          wake();
        }),
        () => `no "${what}" among ${events.join(', ')}`,
        undefined,
        15_000,
      );
    await server.listen();
    const client = createClient({ registry, retry: false });
    const till = client.service(Till);
    await client.ready(Till);
    const file = (rules: object): string => {
      writeFileSync(join(directory, 'server.json'), JSON.stringify({ schemaVersion: 1, ...rules }));
      return join(directory, 'server.json');
    };
    const passed = async (): Promise<number> => {
      const ends = await Promise.allSettled(Array.from({ length: 10 }, () => till.pay()));
      return ends.filter(({ status }) => status === 'fulfilled').length;
    };
    assert.equal(await passed(), 10);
    const limit = { mode: 'on', perSecond: 0.001, burst: 4 };
    await rpc('set', 'till', file({ serverRateLimit: limit }));
    await told('applied 1');
    assert.equal(await passed(), 4);
    await etcdServer.kill('SIGKILL');
    assert.equal(await passed(), 0);
    assert.equal(server.state().rules['till']?.version, 1);
    await etcdServer.restart();
    // What has been used of a rate stays used: two of six are left.
    await rpc('set', 'till', file({ serverRateLimit: { ...limit, burst: 6 } }));
    await told('applied 2');
    assert.equal(await passed(), 2);
    assert.match(
      await rpc('status', 'till'),
      /till +server +applied +2 +2 +serverRateLimit: perSecond 0.001, burst 6, in force \(on\)/,
    );
    await rpc('delete', 'till');
    await told('applied undefined');
    assert.equal(await passed(), 10);
    await client.close();
    await server.close({ drainMs: 0, graceMs: 0 });
  });
});
