import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assertEntryFile, readWhole, removeIf, writeWhole } from './local-files.js';

describe('the files of a local registry', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-files-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('are never seen half written, nor missing, by a reader beside two writers', async () => {
    const texts = ['a', 'b'].map((letter) => letter.repeat(30_000));
    await writeWhole(directory, 'x', texts[0]!);
    let isWriting = true;
    const writers = texts.map(async (text) => {
      for (let round = 0; round < 100; round++) await writeWhole(directory, 'x', text);
    });
    const written = Promise.all(writers).then(() => {
      isWriting = false;
    });
    let reads = 0;
    while (isWriting) {
      assert.ok(texts.includes((await readWhole(join(directory, 'x')))!.toString()));
      reads++;
    }
    await written;
    assert.ok(reads > 0);
    assert.deepEqual(await readdir(directory), ['x']);
  });

  it('leave nothing behind when they can not be written', async () => {
    await assert.rejects(writeWhole(directory, join('missing', 'x'), 'text'), { code: 'ENOENT' });
    assert.deepEqual(await readdir(directory), []);
  });

  it('are undefined when there are none', async () => {
    assert.equal(await readWhole(join(directory, 'x')), undefined);
  });

  it('are removed when they are what they were taken for', async () => {
    await writeFile(join(directory, 'x'), 'old');
    await removeIf(directory, 'x', (bytes) => bytes.toString() === 'old');
    assert.deepEqual(await readdir(directory), []);
  });

  it('are put back when they are not', async () => {
    await writeFile(join(directory, 'x'), 'new');
    await removeIf(directory, 'x', (bytes) => bytes.toString() === 'old');
    assert.equal((await readWhole(join(directory, 'x')))?.toString(), 'new');
    assert.deepEqual(await readdir(directory), ['x']);
  });

  it('are not worth opening when they belong to another user', () => {
    const stat = { isFile: () => true, uid: process.getuid!() + 1, size: 1 };
    assert.throws(() => assertEntryFile(stat), /it belongs to user/);
  });
});
