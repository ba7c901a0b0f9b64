import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, recordSnapshots, seededRandom } from '@org/rpc-testkit';
import { type LocalOwner, startLocalOwner } from '../../test/local-owner.js';
import { quickClock } from '../../test/quick-clock.js';
import type { Instance, RegistryEvent, RegistryHandle } from '../registry.js';
import { LocalHandle } from './local-handle.js';

describe('an open local registry', () => {
  let directory: string;
  let handles: RegistryHandle[];
  let owners: LocalOwner[];
  let events: RegistryEvent[];
  let listeners: ((event: RegistryEvent) => void)[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-handle-'));
    [handles, owners, events, listeners] = [[], [], [], []];
  });
  afterEach(async () => {
    await Promise.all(owners.map((owner) => owner.kill()));
    await Promise.all(handles.map((handle) => handle.close()));
    await rm(directory, { recursive: true });
  });

  /** Notices of the system are left out: what is tested here must work without them. */
  const open = (): LocalHandle => {
    const onEvent = (event: RegistryEvent): void => {
      events.push(event);
      for (const listener of listeners) listener(event);
    };
    const environment = { namespace: 'n', clock: quickClock, random: seededRandom(1), onEvent };
    const handle = new LocalHandle(directory, environment, () => ({ close() {} }));
    handles.push(handle);
    return handle;
  };
  const event = (kind: RegistryEvent['kind']): Promise<RegistryEvent> => {
    const came = new Promise<RegistryEvent>((resolve) => {
      listeners.push((happened) => happened.kind === kind && resolve(happened));
    });
    return eventually(came, () => `no event ${kind} in ${events.map((happened) => happened.kind)}`);
  };
  const start = async (id: string): Promise<LocalOwner> => {
    const owner = await startLocalOwner(directory, 'n', instanceOf(id));
    owners.push(owner);
    return owner;
  };
  const file = (id: string): string => join(directory, 'n', `${id}.json`);

  it('removes namespaces that nobody uses any more', async () => {
    const old = join(directory, 'old');
    await mkdir(old);
    const at = Date.now() / 1_000 - 120;
    await utimes(old, at, at);
    await recordSnapshots(open(), 'greeter').until(() => true);
    await open().services();
    assert.deepEqual(await readdir(directory), ['n']);
  });

  it('finds what other processes wrote, two that started at once included', async () => {
    await Promise.all([start('one'), start('two')]);
    const snapshot = await recordSnapshots(open(), 'greeter').until(({ endpoints }) => endpoints.length === 2);
    assert.deepEqual(
      snapshot.endpoints.map(({ id }) => id),
      ['one', 'two'],
    );
  });

  it('reports a process that was killed as dead, and removes its file', async () => {
    const owner = await start('one');
    const recorder = recordSnapshots(open(), 'greeter');
    await recorder.until(({ endpoints }) => endpoints.length === 1);
    await owner.kill();
    const snapshot = await recorder.until(({ gone }) => gone.length > 0);
    assert.deepEqual(snapshot.gone, [{ id: 'one', reason: 'dead' }]);
    // A round that is asked for begins after the one that published, which includes the removal.
    await handles[0]!.services();
    await assert.rejects(stat(file('one')), { code: 'ENOENT' });
  });

  it('reports a process that closed its registry as left, though it has ended since', async () => {
    const owner = await start('one');
    const recorder = recordSnapshots(open(), 'greeter');
    await recorder.until(({ endpoints }) => endpoints.length === 1);
    assert.equal(await owner.leave(), 0);
    const snapshot = await recorder.until(({ gone }) => gone.length > 0);
    assert.deepEqual(snapshot.gone, [{ id: 'one', reason: 'left' }]);
  });

  it('does not keep a process alive that never closes it', async () => {
    const owner = await start('one');
    assert.equal(await owner.idle(), 0);
  });

  it('does not list an instance whose process id now belongs to another process', async () => {
    const handle = open();
    await handle.register(instanceOf('one')).registered;
    const entry = JSON.parse(await readFile(file('one'), 'utf8')) as { owner: object };
    const stale = { ...entry, owner: { ...entry.owner, startedAt: '1 of another boot' } };
    const instance = instanceOf('two');
    await writeFile(file('two'), JSON.stringify({ ...stale, instance }));
    const snapshot = await recordSnapshots(open(), 'greeter').until(() => true);
    assert.deepEqual(
      snapshot.endpoints.map(({ id }) => id),
      ['one'],
    );
  });

  for (const [what, content] of [
    ['garbage', 'garbage'],
    ['nothing', ''],
    ['an edited entry', undefined],
  ] as const) {
    it(`writes its file anew when ${what} was written over it`, async () => {
      const registration = open().register(instanceOf('one'));
      await registration.registered;
      const written = await readFile(file('one'), 'utf8');
      const mended = [event('lost'), event('registered')];
      await writeFile(file('one'), content ?? written.replace('"weight":100', '"weight":999'));
      await Promise.all(mended);
      assert.equal(await readFile(file('one'), 'utf8'), written);
      assert.deepEqual(registration.state(), { status: 'registered' });
    });
  }

  it('steps back for a newer owner of its id, without a fight, and returns when that one leaves', async () => {
    const older = open().register(instanceOf('one', 1));
    await older.registered;
    const conflict = event('conflict');
    const newer = open().register(instanceOf('one', 2));
    await conflict;
    assert.equal(older.state().status, 'pending');
    const recorder = recordSnapshots(open(), 'greeter');
    await recorder.until(({ endpoints }) => endpoints[0]?.port === 2);
    const back = event('registered');
    await newer.close();
    await back;
    await recorder.until(({ endpoints }) => endpoints[0]?.port === 1);
    assert.deepEqual(older.state(), { status: 'registered' });
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['conflict', 'registered'],
    );
  });

  it('does not remove the file of a newer owner of its id when it is closed', async () => {
    const older = open().register(instanceOf('one', 1));
    await older.registered;
    const conflict = event('conflict');
    await open().register(instanceOf('one', 2)).registered;
    await conflict;
    await older.close();
    const snapshot = await recordSnapshots(open(), 'greeter').until(() => true);
    assert.equal(snapshot.endpoints[0]?.port, 2);
  });

  it('does nothing with a directory that others may write to, says why, and recovers when that is mended', async () => {
    await chmod(directory, 0o777);
    const unreachable = event('unreachable');
    const registration = open().register(instanceOf('one'));
    assert.match((await unreachable).message, new RegExp(`run: chmod 700 ${directory}`));
    await assert.rejects(stat(join(directory, 'n')), { code: 'ENOENT' });
    const recovered = event('recovered');
    await chmod(directory, 0o700);
    await Promise.all([recovered, registration.registered]);
  });

  it('makes its files for this user only', async () => {
    await open().register(instanceOf('one')).registered;
    assert.equal((await stat(join(directory, 'n'))).mode & 0o777, 0o700);
    assert.equal((await stat(file('one'))).mode & 0o777, 0o600);
  });

  it('keeps to its directory whatever the namespace is', async () => {
    const environment = { namespace: '..', clock: quickClock, random: seededRandom(1) };
    const handle = new LocalHandle(directory, environment);
    handles.push(handle);
    await handle.register(instanceOf('one')).registered;
    await stat(join(directory, '%2e.', 'one.json'));
  });

  it('refuses an instance that is too large for a file, naming the size', () => {
    const services = Array.from({ length: 1_000 }, (_, index) => `${'s'.repeat(100)}${index}`);
    const instance = { services, endpoint: instanceOf('one').endpoint };
    assert.throws(() => open().register(instance), /the entry of instance "one" takes \d+ of at most 65536 bytes/);
  });

  it('lists a thousand instances', async () => {
    const handle = open();
    await handle.register(instanceOf('one')).registered;
    const entry = JSON.parse(await readFile(file('one'), 'utf8')) as object;
    for (let index = 0; index < 1_000; index++) {
      await writeFile(file(`id-${index}`), JSON.stringify({ ...entry, instance: instanceOf(`id-${index}`) }));
    }
    await recordSnapshots(open(), 'greeter').until(({ endpoints }) => endpoints.length === 1_001);
  });
});

function instanceOf(id: string, port = 4399): Instance {
  return { services: ['greeter'], endpoint: { id, host: '127.0.0.1', port, weight: 100, state: 'up' } };
}
