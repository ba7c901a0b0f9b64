import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectoryWatch } from './local-directory-watch.js';

describe('the watch on the directory of a local registry', () => {
  it('notices a new file', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-watch-'));
    const changed = new Promise<void>((resolve) => {
      const watch = createDirectoryWatch(directory, () => {
        watch.close();
        resolve();
      });
      watch.follow('first');
    });
    await writeFile(join(directory, 'file'), '');
    await changed;
    await rm(directory, { recursive: true });
  });

  it('starts once for a directory, and anew for another one at the same path', () => {
    const log: string[] = [];
    const watch = createDirectoryWatch(
      '/x',
      () => {},
      (path) => {
        log.push(`start ${path}`);
        return { close: () => log.push('close') };
      },
    );
    watch.follow('first');
    watch.follow('first');
    watch.follow('second');
    watch.close();
    watch.close();
    assert.deepEqual(log, ['start /x', 'close', 'start /x', 'close']);
  });

  it('tolerates a system that gives no notices', () => {
    const watch = createDirectoryWatch(
      '/x',
      () => {},
      () => {
        throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      },
    );
    watch.follow('first');
    watch.close();
  });
});
