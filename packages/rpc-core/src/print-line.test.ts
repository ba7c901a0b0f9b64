import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('./print-line.ts', import.meta.url));

/** Runs a program that prints, in a process whose stderr nobody can write to. @returns what it wrote to stdout */
async function runWithoutStderr(print: string): Promise<string> {
  const code = `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { printLine } from ${JSON.stringify(FILE)};
    process.stdin.resume();
    process.stdin.once('end', async () => {
      for (let time = 0; time < 3; time++) { ${print}; await sleep(5); }
      process.stdout.write('goes on');
    });`;
  const args = ['--import=tsx', '--input-type=module', '--eval', code];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = text(child.stdout);
  const closed = once(child.stderr, 'close');
  child.stderr.destroy();
  await closed;
  child.stdin.end();
  return said;
}

describe('a line that is printed', function () {
  this.timeout(30_000);

  it('ends no process when nobody takes it', async () => {
    assert.equal(await runWithoutStderr("printLine('100 %s\\n')"), 'goes on');
  });

  it('ended it when it was written by itself (control)', async () => {
    assert.equal(await runWithoutStderr("process.stderr.write('a line\\n')"), '');
  });
});
