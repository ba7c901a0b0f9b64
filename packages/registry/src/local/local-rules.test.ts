import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@org/rpc-core';
import { modesOf } from '@org/rpc-core/internal';
import { eventually, rulesContract } from '@org/rpc-testkit';
import type { RegistryEvent, RegistryHandle } from '../registry.js';
import type { RulesReport } from '../rules-source.js';
import { local } from './local.js';

rulesContract('local', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rpc-rules-'));
  return { registry: local({ directory }), close: () => rm(directory, { recursive: true }) };
});

const RULES = { schemaVersion: 1, retry: { mode: 'on', max: 1 } };
const REPORT: RulesReport = {
  instance: 'me',
  status: 'applied',
  version: 1,
  reason: undefined,
  inForce: 1,
  policies: { ...modesOf(() => 'off'), retry: 'on' },
  at: 5,
};

describe('the rules of a local registry', () => {
  let directory: string;
  let events: RegistryEvent[];
  let handle: RegistryHandle;
  let files: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-rules-'));
    files = join(directory, 'n', 'rules', 'shop');
    events = [];
    handle = local({ directory }).open({
      namespace: 'n',
      clock: systemClock,
      random: systemRandom,
      onEvent: (event) => events.push(event),
    });
  });
  afterEach(async () => {
    await handle.close();
    await rm(directory, { recursive: true });
  });

  /** Waits until a text that holds something is published. */
  async function published(part: string): Promise<void> {
    let close = (): void => {};
    const found = new Promise<void>((resolve) => {
      const watch = handle.rules!.watch('shop', (text) => text?.includes(part) && resolve());
      close = () => watch.close();
    });
    await eventually(found, () => `no rules with ${part}`).finally(close);
  }

  for (const [what, path] of [
    ['the directory of all namespaces', ''],
    ['that of a namespace', 'n'],
    ['that of the rules', 'n/rules'],
    ['that of a service', 'n/rules/shop'],
  ] as const) {
    it(`are read by no tool where others may write to ${what}, nor changed`, async () => {
      const store = handle.rulesStore!;
      await store.set('shop', RULES, 0);
      await chmod(join(directory, path), 0o777);
      const others = { code: 'UNAVAILABLE', message: /can be written by other users; run: chmod 700/ };
      for (const work of [
        () => store.get('shop'),
        () => store.history('shop'),
        () => store.reports('shop'),
        () => store.set('shop', RULES, 1),
      ])
        await assert.rejects(work(), others);
      await chmod(join(directory, path), 0o700);
      assert.equal((await store.get('shop'))?.version, 1);
    });
  }

  it('are files that only this user can read, one for each version', async () => {
    await handle.rulesStore!.set('shop', RULES, 0);
    await handle.rulesStore!.set('shop', RULES, 1);
    const names = (await readdir(files)).filter((name) => name !== 'reports').sort();
    assert.deepEqual(names, ['0000000000000001.json', '0000000000000002.json']);
    const { mode } = await stat(join(files, names[1]!));
    assert.equal(mode & 0o777, 0o600);
    assert.match(await readFile(join(files, names[1]!), 'utf8'), /^\{"schemaVersion":1,"version":2,.*\}$/);
  });

  it('take the room of 50 documents a service, however often they were deleted', async () => {
    for (let version = 0; version < 60; version += 2) {
      await handle.rulesStore!.set('shop', RULES, 0);
      await handle.rulesStore!.delete('shop', version + 1);
    }
    assert.equal((await handle.rulesStore!.history('shop')).length, 30);
    for (let version = 0; version < 55; version++)
      await handle.rulesStore!.set('shop', RULES, version === 0 ? 0 : 60 + version);
    const names = (await readdir(files)).filter((name) => name !== 'reports').sort();
    assert.deepEqual([names.length, names[0]], [50, '0000000000000066.json']);
  });

  it('may be changed by hand', async () => {
    await handle.rulesStore!.set('shop', RULES, 0);
    await published('"max":1');
    await writeFile(join(files, '0000000000000001.json'), '{"schemaVersion":1,"version":1,"comment":"by hand"}\n');
    await published('by hand');
    assert.equal((await handle.rulesStore!.get('shop'))?.document?.comment, 'by hand');
  });

  it('that are wrong can be replaced', async () => {
    await handle.rulesStore!.set('shop', RULES, 0);
    await writeFile(join(files, '0000000000000001.json'), 'nonsense');
    const stored = await handle.rulesStore!.get('shop');
    assert.deepEqual([stored?.version, stored?.document], [1, undefined]);
    assert.equal((await handle.rulesStore!.set('shop', RULES, 1)).version, 2);
  });

  it('that are too large to be read can be replaced, and change nothing for those who follow', async () => {
    await handle.rulesStore!.set('shop', RULES, 0);
    await published('"max":1');
    await writeFile(join(files, '0000000000000002.json'), 'x'.repeat(70_000));
    const stored = await handle.rulesStore!.get('shop');
    assert.deepEqual([stored?.version, stored?.problem], [2, 'it is larger than 65536 bytes']);
    assert.equal((await handle.rulesStore!.set('shop', { ...RULES, comment: 'again' }, 2)).version, 3);
    await published('again');
  });

  it('may be as long as a document can be, and no longer', async () => {
    const names = Array.from({ length: 985 }, (_, i) => [`${i}`.padStart(61, 'x'), 1]);
    const weight = { mode: 'on', percent: 100, endpoints: Object.fromEntries(names) };
    const withComment = (comment: string): object => ({ schemaVersion: 1, version: 1, comment, weight });
    const left = 65_536 - JSON.stringify(withComment('')).length;
    await assert.rejects(
      handle.rulesStore!.set('shop', withComment('c'.repeat(left + 1)), 0),
      /longer than 65536 bytes/,
    );
    await handle.rulesStore!.set('shop', withComment('c'.repeat(left)), 0);
    const stored = await handle.rulesStore!.get('shop');
    assert.deepEqual([stored?.version, stored?.text.length, stored?.problem], [1, 65_536, undefined]);
  });

  it('leave no half-written files behind', async () => {
    for (let version = 0; version < 3; version++) await handle.rulesStore!.set('shop', RULES, version);
    await handle.rulesStore!.delete('shop', 3);
    assert.deepEqual(
      (await readdir(files)).filter((name) => name.startsWith('.')),
      [],
    );
  });

  it('of a directory that others may write to are not changed', async () => {
    await handle.rulesStore!.set('shop', RULES, 0);
    await chmod(files, 0o777);
    await assert.rejects(
      handle.rulesStore!.set('shop', RULES, 1),
      /UNAVAILABLE: cannot write the rules of "shop": .*chmod/,
    );
  });

  it('make no file for those who only follow them', async () => {
    let close = (): void => {};
    await eventually(
      new Promise<void>((resolve) => {
        const watch = handle.rules!.watch('shop', () => resolve());
        close = () => watch.close();
      }),
      () => 'nothing was published',
    );
    close();
    assert.deepEqual(await readdir(join(directory, 'n')), []);
  });

  it('have reports that are gone a minute after their client was last heard of', async () => {
    handle.rules!.report('shop', 'me', REPORT);
    const path = join(files, 'reports', 'me.json');
    await eventually(
      (async () => {
        while ((await handle.rulesStore!.reports('shop')).length === 0);
      })(),
      () => 'no report',
    );
    const past = new Date(Date.now() - 61_000);
    await utimes(path, past, past);
    assert.deepEqual(await handle.rulesStore!.reports('shop'), []);
    await assert.rejects(stat(path), { code: 'ENOENT' });
  });
});
