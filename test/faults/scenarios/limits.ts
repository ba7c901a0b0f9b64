import type { Rig } from '../rig.js';
import type { Scenario } from '../scenario.js';
import { Probe } from '../service.js';

/** etcd refuses, or is slow. */
export const LIMITS: readonly Scenario[] = [
  {
    name: 'no-space',
    title: 'etcd out of space: it refuses writes',
    setup: { etcdArgs: ['--quota-backend-bytes=2097152'] },
    async inject(rig) {
      const filler = 'x'.repeat(100_000);
      const fill = (name: number): Promise<boolean> =>
        rig.etcd.ctl('put', `/filler/${name}`, filler).then(
          () => true,
          () => false,
        );
      let written = 0;
      while (await fill(written)) written++;
      const late = rig.processes.spawn();
      await rig.expect(() => /"unreachable".*space exceeded/.test(late.output()), 'a new server to say why it waits');
      await rig.client().ready(Probe);
      await rig.hold(6, 20);
      rig.check((await rig.missing()) === 0, 'entries did not outlive the TTL');
      await rig.etcd.ctl('del', '--prefix', '/filler/');
      const { header } = JSON.parse(await rig.etcd.ctl('get', '/', '-w', 'json')) as { header: { revision: number } };
      await rig.etcd.ctl('compact', `${header.revision}`);
      await rig.etcd.ctl('defrag');
      await rig.etcd.ctl('alarm', 'disarm');
      rig.end();
      rig.add(await late.registered);
    },
  },
  {
    name: 'slow-link',
    title: 'every request to etcd takes 500 ms longer; a server and a client start meanwhile',
    setup: { lines: true },
    async inject(rig) {
      rig.clientLine.latencyMs = 500;
      rig.serverLine.latencyMs = 500;
      const startedAt = performance.now();
      const [client] = [rig.client(), await rig.startServers(1)];
      await client.ready(Probe);
      rig.notes.push(`start of both: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      for (let second = 0; second < rig.ttlSeconds * 2; second++) {
        await rig.hold(1, 1);
        rig.check((await rig.missing()) === 0, 'an entry was lost');
      }
      rig.clientLine.latencyMs = 0;
      rig.serverLine.latencyMs = 0;
    },
  },
];

const APP = { username: 'app', password: 'sesame-open' };

/** etcd asks who one is. */
export const PERMISSIONS: readonly Scenario[] = [
  {
    name: 'auth-enabled',
    title: 'authentication switched on for those who have no password, later off',
    prepare: addUsers,
    async inject(rig) {
      await rig.etcd.ctl('auth', 'enable');
      await refusedEverywhere(rig);
      await admin(rig, 'auth', 'disable');
    },
  },
  {
    name: 'password-rotated',
    title: 'password changed, later changed back',
    setup: { auth: APP },
    prepare: enable,
    async inject(rig) {
      await changePassword(rig, 'another-one');
      await refusedEverywhere(rig);
      await changePassword(rig, APP.password);
    },
    after: assertSecret,
  },
  {
    name: 'token-expired',
    title: 'tokens of 2 s, and all of them forgotten by a restart',
    setup: { auth: APP, etcdArgs: ['--auth-token-ttl=2'] },
    prepare: enable,
    async inject(rig) {
      await rig.hold(8, 30);
      rig.check(!rig.wasTold(/denied|auth/i), 'an expired token was taken for a refusal');
      await rig.etcd.restart();
    },
    after: assertSecret,
  },
  {
    name: 'permission-removed',
    title: 'permission on the keys taken away, later given back',
    setup: { auth: APP },
    prepare: enable,
    async inject(rig) {
      await admin(rig, 'role', 'revoke-permission', 'services', '/rpc/', '/rpc0');
      await refusedEverywhere(rig);
      await admin(rig, 'role', 'grant-permission', 'services', 'readwrite', '/rpc/', '/rpc0');
    },
    after: assertSecret,
  },
];

function admin(rig: Rig, ...args: readonly string[]): Promise<string> {
  return rig.etcd.ctl('--user=root:root-of-all', ...args);
}

async function addUsers(rig: Rig): Promise<void> {
  await rig.etcd.ctl('user', 'add', 'root:root-of-all');
  await rig.etcd.ctl('user', 'grant-role', 'root', 'root');
  await rig.etcd.ctl('role', 'add', 'services');
  await rig.etcd.ctl('role', 'grant-permission', 'services', 'readwrite', '/rpc/', '/rpc0');
  await rig.etcd.ctl('user', 'add', `${APP.username}:${APP.password}`);
  await rig.etcd.ctl('user', 'grant-role', APP.username, 'services');
}

async function enable(rig: Rig): Promise<void> {
  await addUsers(rig);
  await rig.etcd.ctl('auth', 'enable');
}

async function changePassword(rig: Rig, password: string): Promise<void> {
  await rig.registry.post('/v3/auth/user/changepw', { name: APP.username, password });
}

/** The client is told in words what is wrong, and goes on calling. */
async function refusedEverywhere(rig: Rig): Promise<void> {
  const kinds = (): unknown[] => rig.events.map(({ error }) => (error as { kind?: string } | undefined)?.kind);
  const isDenied = (): boolean => kinds().some((kind) => kind === 'denied' || kind === 'unauthenticated');
  await rig.expect(isDenied, 'the client to be told of the refusal', 45_000);
  await rig.hold(2, 20);
  rig.check(rig.ready() === rig.living.size, `only ${rig.ready()} servers could be called meanwhile`);
}

function assertSecret(rig: Rig): void {
  const written =
    rig.processes.output() + JSON.stringify(rig.events.map(({ message, error }) => [message, String(error?.stack)]));
  rig.check(!written.includes(APP.password), 'the password was written somewhere');
}
