import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemRandom } from '@org/rpc-core';
import { FakeClock, type ManualRegistry, manualRegistry, recordSnapshots, wrapperContract } from '@org/rpc-testkit';
import { direct } from '../direct/direct.js';
import type { Endpoint } from '../endpoint.js';
import { createEndpointSecret } from '../endpoint-secret.js';
import { memory } from '../memory/memory.js';
import type { RegistryEvent, RegistryHandle, Snapshot } from '../registry.js';
import { remembered } from './remembered.js';

const wrapped: string[] = [];
wrapperContract(
  'a registry with a memory',
  (registry) => {
    const directory = mkdtempSync(join(tmpdir(), 'rpc-remembered-'));
    wrapped.push(directory);
    return remembered(registry, { directory });
  },
  async () => void (await Promise.all(wrapped.splice(0).map((directory) => rm(directory, { recursive: true })))),
);

const WRITTEN_MS = 1_000;
const VANISHED_MS = 600_000;

function endpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return { id, host: '10.0.0.7', port: 4399, weight: 100, state: 'up', ...changes };
}

describe('remembered()', () => {
  let directory: string;
  let clock: FakeClock;
  let source: ManualRegistry;
  let events: RegistryEvent[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-remembered-'));
    clock = new FakeClock();
    source = manualRegistry();
    events = [];
  });
  afterEach(() => rm(directory, { recursive: true }));

  const open = (registry = source.registry, namespace = 'default'): RegistryHandle =>
    remembered(registry, { directory }).open({
      namespace,
      clock,
      random: systemRandom,
      onEvent: (event) => events.push(event),
    });

  /** One run of a process that sees these lists, one after the other, and ends. */
  async function run(...lists: (readonly Endpoint[])[]): Promise<void> {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    for (const list of lists) {
      source.publish('greeter', list);
      await recorder.until(({ endpoints, fresh }) => fresh && endpoints.length === list.length);
    }
    await handle.close();
  }

  /** The first snapshot of a process that starts while the registry has not answered. */
  async function remember(): Promise<Snapshot> {
    const handle = open(manualRegistry().registry);
    const snapshot = await recordSnapshots(handle, 'greeter').until(() => true);
    await handle.close();
    return snapshot;
  }

  async function onlyFile(): Promise<string> {
    const [name, ...others] = await readdir(directory);
    assert.deepEqual(others, []);
    return join(directory, name!);
  }

  it('gives a client that starts without its registry what the last one knew, as not fresh', async () => {
    const known = [endpoint('a', { zone: 'z', tags: { team: 'x' }, version: '1' }), endpoint('b', { weight: 3 })];
    await run(known);
    const { endpoints, fresh, gone, remembered: isRemembered } = await remember();
    assert.deepEqual(
      { endpoints, fresh, gone, isRemembered },
      { endpoints: known, fresh: false, gone: [], isRemembered: true },
    );
  });

  it('says no more of the file once the registry has answered, and what it no longer lists is gone', async () => {
    await run([endpoint('a'), endpoint('b')]);
    const later = manualRegistry();
    const recorder = recordSnapshots(open(later.registry), 'greeter');
    await recorder.until((snapshot) => snapshot.remembered === true);
    later.publish('greeter', [endpoint('b')]);
    const fresh = await recorder.until((snapshot) => snapshot.fresh);
    assert.deepEqual(fresh.gone, [{ id: 'a', reason: 'unknown' }]);
    assert.deepEqual(fresh.endpoints, [endpoint('b')]);
  });

  it('keeps the file to itself when the registry was faster', async () => {
    await run([endpoint('a')]);
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', [endpoint('b')]);
    await recorder.until(({ endpoints }) => endpoints[0]?.id === 'b');
    await handle.close();
    assert.ok(recorder.snapshots.every((snapshot) => snapshot.remembered === undefined));
  });

  it('remembers no instance whose entry has a secret: without it, another program on its port would be called', async () => {
    await run([endpoint('a'), { ...endpoint('b'), secret: createEndpointSecret() }]);
    assert.deepEqual((await remember()).endpoints, [endpoint('a')]);
  });

  it('keeps what vanished without a reason for ten minutes, since the registry may have lost it', async () => {
    await run([endpoint('a'), endpoint('b')], []);
    assert.deepEqual((await remember()).endpoints, [endpoint('a'), endpoint('b')]);
  });

  it('lets go of what vanished after ten minutes', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', [endpoint('a'), endpoint('b')]);
    await recorder.until(({ endpoints }) => endpoints.length === 2);
    source.publish('greeter', [endpoint('b')]);
    await recorder.until(({ endpoints }) => endpoints.length === 1);
    await clock.advance(VANISHED_MS);
    source.publish('greeter', [endpoint('b', { weight: 1 })]);
    await recorder.until(({ endpoints }) => endpoints[0]?.weight === 1);
    await handle.close();
    assert.deepEqual((await remember()).endpoints, [endpoint('b', { weight: 1 })]);
  });

  it('forgets what said goodbye, and what is about to', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', [endpoint('a'), endpoint('b')]);
    await recorder.until(({ endpoints }) => endpoints.length === 2);
    source.publish('greeter', [endpoint('b', { state: 'draining' }), endpoint('c')], { gone: 'left' });
    await recorder.until(({ endpoints }) => endpoints[1]?.id === 'c');
    await handle.close();
    assert.deepEqual((await remember()).endpoints, [endpoint('c')]);
  });

  it('does not remember the list of a registry that does not vouch for it', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', [endpoint('a')]);
    await recorder.until(() => true);
    await clock.advance(WRITTEN_MS);
    source.loseSource();
    await recorder.until(({ fresh }) => !fresh);
    await handle.close();
    assert.deepEqual((await remember()).endpoints, [endpoint('a')]);
  });

  it('keeps services, namespaces and registries apart', async () => {
    await run([endpoint('a')]);
    const other = manualRegistry();
    for (const handle of [open(other.registry, 'other'), open({ ...other.registry, display: 'another' })]) {
      const recorder = recordSnapshots(handle, 'greeter');
      other.publish('greeter', [endpoint('z')]);
      await recorder.until(() => true);
      assert.deepEqual(recorder.snapshots[0]?.endpoints, [endpoint('z')]);
      await handle.close();
    }
    assert.deepEqual((await remember()).endpoints, [endpoint('a')]);
    assert.equal((await readdir(directory)).length, 3);
  });

  it('writes a storm of changes once', async () => {
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    for (let weight = 0; weight < 100; weight++) source.publish('greeter', [endpoint('a', { weight })]);
    await recorder.until(({ endpoints }) => endpoints[0]?.weight === 99);
    assert.deepEqual(await readdir(directory), []);
    await handle.close();
    assert.match(await readFile(await onlyFile(), 'utf8'), /"weight":99/);
  });

  it('makes its folder and its files so that nobody else may read or write them', async () => {
    const nested = join(directory, 'deep', 'folder');
    const handle = remembered(source.registry, { directory: nested }).open({
      namespace: 'n',
      clock,
      random: systemRandom,
    });
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', [endpoint('a')]);
    await recorder.until(() => true);
    await handle.close();
    const [name] = await readdir(nested);
    const modes = await Promise.all([stat(nested), stat(join(nested, name!))]);
    assert.deepEqual(
      modes.map(({ mode }) => mode & 0o777),
      [0o700, 0o600],
    );
  });

  const unusable: Readonly<Record<string, string>> = {
    'an empty file': '',
    'half a file': '{"schema":1,"service":"greeter","endp',
    'a file of a newer version': '{"schema":2,"service":"greeter","endpoints":[]}',
    'the file of another service': '{"schema":1,"service":"other","endpoints":[]}',
    'an endpoint that is none': '{"schema":1,"service":"greeter","endpoints":[{"id":"a","host":"h\\n","port":1}]}',
    'a list that is none': '{"schema":1,"service":"greeter","endpoints":{"length":1}}',
    null: 'null',
  };
  for (const [name, text] of Object.entries(unusable))
    it(`does without the file when it finds ${name}, and says so`, async () => {
      await run([endpoint('a')]);
      await writeFile(await onlyFile(), text);
      const later = manualRegistry();
      const handle = open(later.registry);
      const recorder = recordSnapshots(handle, 'greeter');
      later.publish('greeter', [endpoint('b')]);
      await recorder.until(({ endpoints }) => endpoints[0]?.id === 'b');
      await handle.close();
      assert.match(events[0]?.message ?? '', /the snapshot .* can't be used/);
      assert.deepEqual((await remember()).endpoints, [endpoint('b')]);
    });

  it('follows no link to a file of somebody else', async () => {
    await run([endpoint('a')]);
    const file = await onlyFile();
    const elsewhere = join(directory, 'elsewhere');
    await writeFile(elsewhere, await readFile(file));
    await rm(file);
    await symlink(elsewhere, file);
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    source.publish('greeter', []);
    await recorder.until(() => true);
    await handle.close();
    assert.match(events[0]?.message ?? '', /can't be used: ELOOP/);
  });

  it('goes on without a memory where it can write nothing, and says so once', async () => {
    await chmod(directory, 0o777);
    const handle = open();
    const recorder = recordSnapshots(handle, 'greeter');
    for (const weight of [1, 2]) {
      source.publish('greeter', [endpoint('a', { weight })]);
      await recorder.until(({ endpoints }) => endpoints[0]?.weight === weight);
      await clock.advance(WRITTEN_MS);
    }
    await handle.close();
    assert.equal(events.length, 1);
    const [{ message }] = events as [RegistryEvent];
    assert.ok(message.startsWith(`the snapshot ${directory}/`), message);
    assert.ok(
      message.endsWith(`can't be used: ${directory} can be written by other users; run: chmod 700 ${directory}`),
      message,
    );
  });

  it('believes nothing that lies where others may write', async () => {
    const first = open();
    const recorder = recordSnapshots(first, 'greeter');
    source.publish('greeter', [endpoint('a')]);
    await recorder.until(() => true);
    await first.close();
    await chmod(directory, 0o777);
    const second = open(manualRegistry().registry);
    const snapshots: Snapshot[] = [];
    second.watch('greeter', (snapshot) => snapshots.push(snapshot));
    await second.close();
    assert.deepEqual(snapshots, []);
    assert.match(events.at(-1)?.message ?? '', /can be written by other users/);
  });

  it('passes registrations on', async () => {
    const handle = open();
    handle.register({ services: ['greeter'], endpoint: endpoint('a') });
    assert.equal(source.instances()[0]?.endpoint.id, 'a');
    await handle.close();
    assert.equal(source.openHandles(), 0);
  });

  it('refuses a directory that is not absolute, naming it', () => {
    assert.throws(
      () => remembered(memory(), { directory: 'here' }),
      /remembered: directory must be an absolute path, got "here"/,
    );
    assert.throws(() => remembered(memory(), { path: '/tmp' } as never), /remembered: unknown option "path"/);
  });

  it('keeps its files in the cache of the user unless told otherwise', async () => {
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = directory;
    try {
      const handle = remembered(source.registry).open({ namespace: 'n', clock, random: systemRandom });
      const recorder = recordSnapshots(handle, 'greeter');
      source.publish('greeter', [endpoint('a')]);
      await recorder.until(() => true);
      await handle.close();
    } finally {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
    assert.equal((await readdir(join(directory, 'org-rpc', 'snapshots'))).length, 1);
  });
});

describe('remembered(): rules', () => {
  it('are those of the registry beneath, and not there where that has none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-remembered-'));
    const environment = { namespace: 'n', clock: new FakeClock(), random: systemRandom };
    const shared = memory();
    const [handle, beneath] = [remembered(shared, { directory }).open(environment), shared.open(environment)];
    await handle.rulesStore?.set('greeter', { schemaVersion: 1 }, 0);
    assert.equal((await beneath.rulesStore?.get('greeter'))?.version, 1);
    const without = remembered(direct(['h:1']), { directory }).open(environment);
    assert.deepEqual([without.rules, without.rulesStore], [undefined, undefined]);
    await Promise.all([handle.close(), beneath.close(), without.close()]);
    await rm(directory, { recursive: true });
  });
});
