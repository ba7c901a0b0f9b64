import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { isRunning, thisProcess } from './local-owner.js';

describe('the owner of a local entry', () => {
  it('runs when it is this process', () => {
    assert.equal(isRunning(thisProcess()), true);
  });

  it('does not run when its process has ended', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    assert.equal(isRunning({ ...thisProcess(), pid, startedAt: '' }), false);
  });

  it('does not run when its process id belongs to one that started at another time', () => {
    assert.equal(isRunning({ ...thisProcess(), startedAt: '1 of another boot' }), false);
  });

  it('runs in doubt: when it is not known when it started', () => {
    assert.equal(isRunning({ ...thisProcess(), startedAt: '' }), true);
  });

  it('does not run when it was killed and its parent has not noticed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const pid = child.pid!;
    const owner = { ...thisProcess(), pid, startedAt: '' };
    assert.equal(isRunning(owner), true);
    child.kill('SIGKILL');
    // Nothing is awaited, so this process can't collect its child, which therefore stays in the table.
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))) {}
    assert.equal(isRunning(owner), false);
    await once(child, 'exit');
  });
});
