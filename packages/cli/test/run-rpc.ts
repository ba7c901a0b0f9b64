import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a run of the command line left behind. */
export interface RpcRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/**
 * Runs `rpc` from its sources in a process of its own, to its end.
 * @param onOutput - told of all that it has written so far, with a way to signal it
 */
export function runRpc(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void,
): Promise<RpcRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import=tsx', '--conditions=@org/source', MAIN, ...words], {
      env: { ...process.env, NO_COLOR: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    const tell = (): void => onOutput?.(out + err, (signal) => child.kill(signal));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      tell();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      tell();
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}
