import { fork, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Some open thousands of connections first. */
const READY_MS = 120_000;
const ANSWER_MS = 60_000;
const canPin = availableParallelism() >= 2 && spawnSync('taskset', ['-V']).status === 0;

/** Whether servers and clients are kept on a core each, so that neither takes from the other. */
export const pinned = canPin;

/**
 * A process of one side, ready.
 *
 * @param {'server' | 'client'} side
 * @param {readonly string[]} args
 * @param {number} [core] that it is kept on, where that can be done; without it on any
 * @returns {Promise<{ pid: number, pids: number[], ask: (message: object) => Promise<object>, end: () => void }>}
 * @throws Error when it ends or says nothing before it is ready; with what it wrote to stderr
 */
export async function startSide(side, args, core) {
  const script = fileURLToPath(new URL(`../${side}.mjs`, import.meta.url));
  const child = fork(script, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    ...(canPin && core !== undefined
      ? { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, '--no-warnings'] }
      : {}),
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors = (errors + text).slice(-2_000);
  });
  const next = (ms) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(new Error(`the ${side} said nothing for ${ms / 1000} s`)), ms);
      const onExit = () => end(new Error(`the ${side} ended: ${errors.trim() || 'without a word'}`));
      const onMessage = (message) => end(undefined, message);
      function end(error, message) {
        clearTimeout(timer);
        child.off('exit', onExit).off('message', onMessage);
        if (error === undefined) resolve(message);
        else reject(error);
      }
      child.on('exit', onExit).on('message', onMessage);
    });
  const end = () => child.kill('SIGKILL');
  try {
    const { pids = [] } = await next(READY_MS);
    const ask = (message) => {
      const answer = next(ANSWER_MS);
      child.send(message, () => undefined);
      return answer;
    };
    return { pid: child.pid, pids, ask, end };
  } catch (error) {
    end();
    throw error;
  }
}
