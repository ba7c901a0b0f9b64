import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { ROOT } from './root.mjs';

/**
 * Runs a program at the top of the repository, without input, and waits for its end. Its output is shown as it comes, or
 * kept when `capture` is set.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ capture?: boolean, shell?: boolean, env?: NodeJS.ProcessEnv, priority?: number }} [options] `priority` as `os.setPriority`
 *   takes it, for it and all that it starts
 * @returns {Promise<{ code: number, output: string }>} code 1 also when it was killed or did not start
 */
export function run(command, args, { capture = false, shell = false, env = process.env, priority } = {}) {
  return new Promise((resolve) => {
    const stdio = capture ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'];
    const child = spawn(command, args, { cwd: ROOT, stdio, shell, env });
    if (priority !== undefined && child.pid !== undefined) setPriority(child.pid, priority);
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const end = (code, note = '') => resolve({ code, output: Buffer.concat(chunks).toString() + note });
    child.on('error', (error) => end(1, `${command}: ${error.message}\n`));
    child.on('close', (code, signal) => end(code ?? 1, signal ? `${command} was ended by ${signal}\n` : ''));
  });
}
