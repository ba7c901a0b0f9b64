import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import type { RegistryEvent } from '../registry.js';
import { ENTRY_BYTES_MAX, encodeEntry, entryFileName, type LocalEntry } from './local-entry.js';
import { writeWhole } from './local-files.js';
import { type Owner, thisProcess } from './local-owner.js';
import { createDirectoryScanner, type Scan, type Scanner, type ScannerOptions } from './local-scan.js';

const SELF = thisProcess();
const LATER = '1 of another boot';

describe('the scanner of a local registry', () => {
  let directory: string;
  let clock: FakeClock;
  let events: RegistryEvent[];
  let scanner: Scanner;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-scan-'));
    clock = new FakeClock();
    clock.wallNow = () => Date.now();
    events = [];
    scanner = create();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const create = (options: Partial<ScannerOptions> = {}): Scanner => {
    const onEvent = (event: RegistryEvent): void => void events.push(event);
    const environment = { namespace: 'n', clock, random: seededRandom(1), onEvent };
    return createDirectoryScanner({ directory, environment, self: SELF, ...options });
  };
  const put = (entry: LocalEntry): Promise<void> =>
    writeWhole(directory, entryFileName(entry.instance.endpoint.id), encodeEntry(entry));

  it('finds an entry of a running process alive', async () => {
    await put(entryOf('one'));
    assert.deepEqual(statesOf(await scanner.scan()), [['one', 'live']]);
  });

  it('takes a process that was given the id of the owner for another one', async () => {
    await put(entryOf('one', { owner: { ...SELF, startedAt: LATER } }));
    assert.deepEqual(statesOf(await scanner.scan()), [['one', 'dead']]);
  });

  it('removes the file of a dead owner, and no other', async () => {
    await put(entryOf('alive'));
    await put(entryOf('dead', { owner: { ...SELF, startedAt: LATER } }));
    await scanner.clean(await scanner.scan());
    assert.deepEqual(await readdir(directory), ['alive.json']);
  });

  it('does not remove what a new owner wrote in place of a dead one', async () => {
    await put(entryOf('one', { owner: { ...SELF, startedAt: LATER } }));
    const scan = await scanner.scan();
    await put(entryOf('one', { token: 'new' }));
    await scanner.clean(scan);
    assert.deepEqual(statesOf(await scanner.scan()), [['one', 'live']]);
    assert.deepEqual(await readdir(directory), ['one.json']);
  });

  it('keeps a goodbye for half a minute', async () => {
    await put(entryOf('one', { left: true }));
    const scan = await scanner.scan();
    assert.deepEqual(statesOf(scan), [['one', 'left']]);
    await scanner.clean(scan);
    assert.deepEqual(await readdir(directory), ['one.json']);
    const before = Date.now() / 1_000 - 31;
    await utimes(join(directory, 'one.json'), before, before);
    await scanner.clean(await scanner.scan());
    assert.deepEqual(await readdir(directory), []);
  });

  it('removes a half-written file that is a minute old, not one that is being written', async () => {
    await writeFile(join(directory, '.tmp-old'), '{"sch');
    await writeFile(join(directory, '.tmp-new'), '{"sch');
    const before = Date.now() / 1_000 - 61;
    await utimes(join(directory, '.tmp-old'), before, before);
    await scanner.clean(await scanner.scan());
    assert.deepEqual(await readdir(directory), ['.tmp-new']);
    assert.deepEqual(events, []);
  });

  it('sees every one of several changes that follow at once and are of one length', async () => {
    for (const port of [1001, 1002, 1003, 1004, 1005, 1006]) {
      await put(entryOf('one', { port }));
      assert.equal((await scanner.scan()).get('one')?.entry.instance.endpoint.port, port);
    }
  });

  it('does not read a file again that has not changed for some seconds', async () => {
    await put(entryOf('one'));
    await scanner.scan();
    await clock.advance(3_000);
    const settled = (await scanner.scan()).get('one')?.entry;
    assert.ok(settled);
    assert.equal((await scanner.scan()).get('one')?.entry, settled);
  });

  it('reports a bad file once, again only after it was good', async () => {
    await writeFile(join(directory, 'one.json'), '{');
    for (let round = 0; round < 3; round++) await scanner.scan();
    assert.equal(events.length, 1);
    await writeFile(join(directory, 'one.json'), '{{');
    await scanner.scan();
    assert.equal(events.length, 1);
    await put(entryOf('one'));
    await scanner.scan();
    await writeFile(join(directory, 'one.json'), '{');
    await scanner.scan();
    assert.equal(events.length, 2);
  });

  it('fails as a whole when the process has no file descriptors left, instead of taking entries for bad', async () => {
    await put(entryOf('one'));
    const read = async (): Promise<never> => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    };
    await assert.rejects(create({ read }).scan(), { code: 'EMFILE' });
    assert.deepEqual(events, []);
  });

  it('leaves out files beyond its bound, with one event', async () => {
    const small = create({ filesMax: 3 });
    for (const id of ['one', 'two', 'three', 'four']) await put(entryOf(id));
    assert.equal((await small.scan()).size, 3);
    await small.scan();
    assert.deepEqual(
      events.map(({ message }) => message),
      [`${directory} has more than 3 files; the rest is left out`],
    );
  });

  describe('skips with one event, and without harm to others,', () => {
    const good = JSON.parse(encodeEntry(entryOf('bad'))) as Record<string, unknown>;
    const text = (changes: object): string => JSON.stringify({ ...good, ...changes });
    const endpoint = (changes: object): string =>
      text({ instance: { services: ['greeter'], endpoint: { ...entryOf('bad').instance.endpoint, ...changes } } });
    const contents: readonly [what: string, content: string | Uint8Array, message: RegExp][] = [
      ['an empty file', '', /JSON/],
      ['null', 'null', /must be an object, got null/],
      ['a list', '[]', /must be an object, got an array/],
      ['text', '"x"', /must be an object, got "x"/],
      ['a number', '1', /must be an object, got 1/],
      ['truncated JSON', text({}).slice(0, 80), /JSON/],
      ['UTF-16', Buffer.from(text({}), 'utf16le'), /JSON|encoded|valid/],
      ['a byte order mark', `\ufeff${text({})}`, /JSON/],
      ['binary', Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xfe]), /valid/],
      ['a file that is too large', ' '.repeat(ENTRY_BYTES_MAX + 1), /larger than 65536 bytes/],
      ['deep nesting', '['.repeat(30_000), /JSON|stack/],
      ['another schema', text({ schema: 2 }), /schema 2 is not 1/],
      ['no schema', text({ schema: undefined }), /schema undefined is not 1/],
      ['no owner', text({ owner: undefined }), /owner must be an object/],
      ['a process id of 0', text({ owner: { ...SELF, pid: 0 } }), /pid must be an integer from 1/],
      ['a negative process id', text({ owner: { ...SELF, pid: -1 } }), /pid must be an integer from 1/],
      ['a process id that is text', text({ owner: { ...SELF, pid: '1' } }), /pid must be an integer from 1/],
      [
        'another machine',
        text({ owner: { ...SELF, machine: 'elsewhere' } }),
        /another machine or in another container/,
      ],
      ['the id of another file', endpoint({ id: 'other' }), /another instance, "other"/],
      ['a port that is text', endpoint({ port: '80' }), /port must be an integer from 1 to 65535, got "80"/],
      ['services that are no list', text({ instance: { services: 'greeter' } }), /services must be a list/],
    ];
    for (const [what, content, message] of contents) {
      it(what, async () => {
        await put(entryOf('good'));
        await writeFile(join(directory, 'bad.json'), content);
        await scanner.scan();
        assert.deepEqual(statesOf(await scanner.scan()), [['good', 'live']]);
        assert.equal(events.length, 1);
        assert.equal(events[0]?.kind, 'invalidEntry');
        assert.match(events[0]!.message, message);
        assert.ok(events[0]!.message.includes(join(directory, 'bad.json')));
      });
    }

    const things: readonly [what: string, make: (path: string) => Promise<unknown>][] = [
      ['a directory', (path) => mkdir(path)],
      ['a symbolic link', (path) => symlink(join(directory, 'good.json'), path)],
      ['a named pipe, on which it does not wait', async (path) => execFileSync('mkfifo', [path])],
    ];
    for (const [what, make] of things) {
      it(what, async () => {
        await put(entryOf('good'));
        await make(join(directory, 'bad.json'));
        assert.deepEqual(statesOf(await scanner.scan()), [['good', 'live']]);
        assert.match(events[0]!.message, /it is not a plain file/);
      });
    }
  });

  it('never removes what it does not understand', async () => {
    await writeFile(join(directory, 'bad.json'), '{');
    await put(entryOf('foreign', { owner: { ...SELF, pid: 2 ** 31 - 1, machine: 'elsewhere' } }));
    await scanner.clean(await scanner.scan());
    assert.deepEqual((await readdir(directory)).sort(), ['bad.json', 'foreign.json']);
  });
});

function entryOf(
  id: string,
  changes: { owner?: Owner; token?: string; left?: boolean; port?: number } = {},
): LocalEntry {
  const { port = 4399, ...rest } = changes;
  const endpoint = { id, host: '127.0.0.1', port, weight: 100, state: 'up' } as const;
  return { instance: { services: ['greeter'], endpoint }, owner: SELF, token: 'token', left: false, ...rest };
}

function statesOf(scan: Scan): readonly (readonly [id: string, state: string])[] {
  return [...scan].map(([id, { state }]) => [id, state] as const).sort();
}
