import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { privateSocket } from './local-socket.js';

describe('the unix socket of a local server', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-socket-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('has a path of its own each time, in a folder that only this user can enter', async () => {
    const paths = [await privateSocket(directory), await privateSocket(directory)];
    assert.notEqual(paths[0], paths[1]);
    const folder = dirname(paths[0]!);
    assert.equal(dirname(folder), directory);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    await chmod(folder, 0o755);
    await privateSocket(directory);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
  });

  it('lies in no directory that others may write to', async () => {
    await chmod(directory, 0o777);
    await assert.rejects(privateSocket(directory), /can be written by other users; run: chmod 700/);
  });

  it('lies in the default directory where its path would be too long, and fails in words where that is, too', async () => {
    const long = join(directory, 'x'.repeat(100));
    const path = await privateSocket(long, directory);
    assert.equal(dirname(dirname(path!)), directory);
    await assert.rejects(privateSocket(long, long), /longer than the \d+ bytes .* server\.listen\(\{ port: 0 \}\)$/);
  });

  it('is removed later when its process has ended without doing so, and only then', async () => {
    const own = (await privateSocket(directory))!;
    await writeFile(own, '');
    const { pid } = spawnSync(process.execPath, ['--version']);
    const stale = own.replace(`-${process.pid.toString(36)}-`, `-${pid.toString(36)}-`);
    await writeFile(stale, '');
    const foreign = stale.replace(/[0-9a-f]{6}-/, 'other-');
    await rename(stale, foreign);
    await writeFile(stale, '');
    await privateSocket(directory);
    assert.deepEqual(
      (await readdir(dirname(own))).map((name) => join(dirname(own), name)).sort(),
      [own, foreign].sort(),
    );
  });
});
