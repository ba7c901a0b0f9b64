import { spawn } from 'node:child_process';
import { ROOT } from './root.mjs';

/**
 * Runs npm at the top of the repository and keeps what it says.
 *
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number, output: string, errors: string }>} code 1 also when it did not start
 */
export function npm(args, { env = process.env } = {}) {
  const path = process.env.npm_execpath;
  const isScript = path !== undefined && /npm-cli\.[cm]?js$/.test(path);
  const [command, all] = isScript ? [process.execPath, [path, ...args]] : ['npm', args];
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', 'pipe'];
    const child = spawn(command, all, { cwd: ROOT, stdio, env, shell: !isScript && process.platform === 'win32' });
    const [out, errors] = [[], []];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => errors.push(chunk));
    const end = (code, note = '') =>
      resolve({ code, output: Buffer.concat(out).toString(), errors: Buffer.concat(errors).toString() + note });
    child.on('error', (error) => end(1, `npm: ${error.message}\n`));
    child.on('close', (code) => end(code ?? 1));
  });
}
