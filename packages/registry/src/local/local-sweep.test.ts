import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { encodeEntry, type LocalEntry } from './local-entry.js';
import { thisProcess } from './local-owner.js';
import { sweepNamespaces } from './local-sweep.js';

const SELF = thisProcess();
const DEAD = { ...SELF, startedAt: '1 of another boot' };

describe('a sweep of the namespaces of a local registry', () => {
  let root: string;
  const clock = new FakeClock();
  clock.wallNow = () => Date.now();
  const sweep = (): Promise<void> =>
    sweepNamespaces(root, 'own', { namespace: 'own', clock, random: seededRandom(1) }, SELF);
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'rpc-sweep-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  /** Makes a file with its directories, all of them as old as that. */
  const put = async (path: string, text: string | Uint8Array, ageMs = 120_000): Promise<void> => {
    const parts = path.split('/');
    await mkdir(join(root, ...parts.slice(0, -1)), { recursive: true });
    if (parts.at(-1) !== '') await writeFile(join(root, path), text);
    const at = (Date.now() - ageMs) / 1_000;
    for (let length = parts.length; length > 0; length--) await utimes(join(root, ...parts.slice(0, length)), at, at);
  };
  const entry = (id: string, options: Partial<LocalEntry> = {}): string => {
    const endpoint = { id, host: '127.0.0.1', port: 1, weight: 100, state: 'up' } as const;
    return encodeEntry({
      instance: { services: ['greeter'], endpoint },
      owner: SELF,
      token: 't',
      left: false,
      ...options,
    } as LocalEntry);
  };

  it('removes namespaces of which only goodbyes, dead processes and empty directories are left', async () => {
    await put('left/one.json', entry('one', { left: true }));
    await put('dead/two.json', entry('two', { owner: DEAD }));
    await put('empty/rules/greeter/reports/', '');
    await sweep();
    assert.deepEqual(await readdir(root), []);
  });

  it('keeps what is in use, new, its own, no namespace, or has rules', async () => {
    await put('used/one.json', entry('one'));
    await put('new/one.json', entry('one', { left: true }), 1_000);
    await put('own/two.json', entry('two', { owner: DEAD }));
    await put('+sockets/abc', '');
    await put('ruled/rules/greeter/0000000001.json', '{}');
    await put('ruled/two.json', entry('two', { owner: DEAD }));
    await put('other/notes.txt', 'of somebody');
    await sweep();
    assert.deepEqual((await readdir(root)).sort(), ['+sockets', 'new', 'other', 'own', 'ruled', 'used']);
    assert.deepEqual(await readdir(join(root, 'ruled')), ['rules']);
    assert.deepEqual(await readdir(join(root, 'own')), ['two.json']);
  });

  it('looks into so many only, and into all in the end', async () => {
    for (let i = 0; i < 60; i++) await put(`test-${i}/one.json`, entry('one', { left: true }));
    await sweep();
    assert.equal((await readdir(root)).length, 10);
    await sweep();
    assert.deepEqual(await readdir(root), []);
  });
});
