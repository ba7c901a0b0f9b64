import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareDirectory, resolveLocalDirectory } from './local-directory.js';

describe('the directory of a local registry', () => {
  let parent: string;
  const runtime = process.env['XDG_RUNTIME_DIR'];

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'rpc-directory-'));
  });
  afterEach(async () => {
    if (runtime === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtime;
    await rm(parent, { recursive: true });
  });

  it("is this user's own among the temporary files, or where the system wants such things", () => {
    delete process.env['XDG_RUNTIME_DIR'];
    assert.equal(resolveLocalDirectory(undefined), join(tmpdir(), `org-rpc-${process.getuid?.()}`));
    process.env['XDG_RUNTIME_DIR'] = '/run/user/7';
    assert.equal(resolveLocalDirectory(undefined), '/run/user/7/org-rpc');
    process.env['XDG_RUNTIME_DIR'] = 'relative';
    assert.equal(resolveLocalDirectory(undefined), join(tmpdir(), `org-rpc-${process.getuid?.()}`));
  });

  it('is made with its parents, for this user only', async () => {
    const path = join(parent, 'a', 'b');
    await prepareDirectory(path);
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  });

  it('is told from a later one at the same path, and not from itself', async () => {
    const path = join(parent, 'a');
    const mark = await prepareDirectory(path);
    await writeFile(join(path, 'file'), '');
    assert.equal(await prepareDirectory(path), mark);
    await rm(path, { recursive: true });
    await mkdir(join(parent, 'b'));
    assert.notEqual(await prepareDirectory(path), mark);
  });

  it('is refused when others may write to it', async () => {
    await chmod(parent, 0o720);
    await assert.rejects(prepareDirectory(parent), /can be written by other users; run: chmod 700/);
  });

  it('is refused when it is a file', async () => {
    const path = join(parent, 'file');
    await writeFile(path, '');
    await assert.rejects(prepareDirectory(path));
  });

  it('is refused when it is a symbolic link', async () => {
    await symlink(tmpdir(), join(parent, 'link'));
    await assert.rejects(prepareDirectory(join(parent, 'link')), /is not a directory; remove it/);
  });
});
