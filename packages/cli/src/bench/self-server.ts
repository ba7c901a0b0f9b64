import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@org/rpc-core';
import { CliError } from '../cli-error.js';

/** A server in a process of its own, started for one bench. */
export interface SelfServer {
  /** Where it is reached, as a string form of a registry. */
  readonly registry: string;
  /** Stops the process; kills it when it has not gone after 5 s. Never rejects. */
  stop(): Promise<void>;
}

const START_MS = 15_000;
const STOP_MS = 5000;
/** Enough of what a failing process says to see why. */
const STDERR_CHARACTERS_MAX = 2000;

/**
 * Starts the server that `rpc bench --self` measures.
 * @throws CliError when it does not listen within 15 s, with what it said
 */
export async function startSelfServer(clock: Clock): Promise<SelfServer> {
  const script = fileURLToPath(new URL('./self-server-main.js', import.meta.url));
  const child = fork(script, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    const cancel = clock.schedule(STOP_MS, () => child.kill('SIGKILL'));
    await exited;
    cancel();
  };
  try {
    const port = await untilListening(child, clock);
    return { registry: `direct://127.0.0.1:${port}`, stop };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

function untilListening(child: ChildProcess, clock: Clock): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-STDERR_CHARACTERS_MAX);
    });
    const fail = (what: string): void => {
      cancel();
      reject(new CliError(`--self: the server ${what}${said === '' ? '' : `: ${said}`}`));
    };
    const cancel = clock.schedule(START_MS, () => fail(`did not listen within ${START_MS / 1000} s`));
    child.once('error', (error) => fail(`could not be started: ${error.message}`));
    // Not `exit`: its last words have been read when its streams are closed.
    child.once('close', (code, signal) => fail(`ended at once (${signal ?? code})`));
    child.once('message', (message: { readonly port: number }) => {
      cancel();
      resolve(message.port);
    });
  });
}
