import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('two-servers-process.ts', import.meta.url));

/** Sends SIGTERM whenever one of these lines is printed. Resolves with how it ended and what it printed. */
function run(handlerMs: number, signalAfter: readonly string[]): Promise<{ code: number | null; printed: string }> {
  const words = ['--import=tsx', '--conditions=@org/source', PROCESS, String(handlerMs)];
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
    if (signalAfter.some((line) => text.includes(line))) child.kill('SIGTERM');
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, printed })));
}

describe('two servers of one process that close on a signal', function () {
  this.timeout(40_000);
  it('end it when both have closed, each within its grace', async () => {
    const { code, printed } = await run(500, ['running']);
    assert.equal(printed, 'running\nquick closed\nserved\nslow closed\n');
    assert.equal(code, 0);
  });

  it('end it at once on a second signal', async () => {
    const { code, printed } = await run(25_000, ['running', 'quick closed']);
    assert.equal(printed, 'running\nquick closed\n');
    assert.equal(code, 1);
  });
});
