import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Client, createClient, defineService, direct, messagePackRpc, method } from '@org/rpc';

/** A line of a file need not be UTF-8; what is not comes as bytes. */
export type Line = string | Uint8Array;

/** What the tests call of Neovim's API, see `:help api` there. */
export const Editor = defineService('editor', {
  nvim_eval: method<(expression: string) => unknown>(),
  nvim_exec_lua: method<(code: string, args: readonly unknown[]) => unknown>(),
  nvim_set_var: method<(name: string, value: unknown) => null>(),
  nvim_get_api_info: method<() => [channel: number, api: unknown]>(),
  nvim_get_current_buf: method<() => unknown>(),
  nvim_get_current_win: method<() => unknown>(),
  nvim_get_current_tabpage: method<() => unknown>(),
  nvim_win_get_buf: method<(window: unknown) => unknown>(),
  nvim_tabpage_get_win: method<(tabpage: unknown) => unknown>(),
  nvim_buf_set_lines: method<(buffer: unknown, start: number, end: number, strict: boolean, lines: Line[]) => null>(),
  nvim_buf_get_lines: method<(buffer: unknown, start: number, end: number, strict: boolean) => Line[]>(),
  nvim_subscribe: method<(event: string) => null>(),
  nvim_no_such_method: method<() => never>(),
});

/** A running Neovim. */
export interface Neovim {
  /** Where it listens, as the registry `direct` wants it. */
  readonly address: string;
  /** Kills it as a crash would, and waits until it is gone. Idempotent. */
  kill(): Promise<void>;
}

/**
 * Starts a real Neovim without a screen, configuration or plugins. It ends with this process, whatever happens to that.
 * @param listen - `127.0.0.1:0` for any free port, or the path of a unix socket
 * @throws Error that says what to install when there is none
 */
export async function startNeovim(listen = '127.0.0.1:0'): Promise<Neovim> {
  // --embed makes it end with its standard input. It tells where it listens as soon as it does.
  const tell = 'call chansend(v:stderr, v:servername . "\\n")';
  const args = ['--headless', '--embed', '--clean', '-n', '--listen', listen, '-c', tell];
  const child = spawn(findNeovim(), args, { stdio: ['pipe', 'ignore', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = (): Promise<void> => {
    child.kill('SIGKILL');
    return exited;
  };
  try {
    const address = await firstLine(child);
    return { address: address.startsWith('/') ? `unix:${address}` : address, kill };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** What the client does when Neovim asks for it. */
const HANDLERS = { forecast: (day: string, count: number) => new Array<string>(count).fill(day) };

/** A client that calls this Neovim. */
export function editorClient({ address }: Pick<Neovim, 'address'>): Client {
  return createClient({
    registry: direct([address]),
    protocol: messagePackRpc({ methodName: 'method', handlers: HANDLERS }),
  });
}

/** The tests never skip: a machine without Neovim is told what it lacks. */
function findNeovim(): string {
  const { NVIM_BIN, PATH = '' } = process.env;
  const found =
    NVIM_BIN ||
    PATH.split(delimiter)
      .map((directory) => join(directory, 'nvim'))
      .find(isExecutable);
  assert.ok(found, 'no nvim found: run "node scripts/neovim.mjs ensure", or set NVIM_BIN to its path');
  return found;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const end = said.indexOf('\n');
      if (end >= 0) resolve(said.slice(0, end).trim());
    });
    child.once('error', reject);
    child.once('close', (code, signal) => reject(new Error(`nvim ended with ${signal ?? code}: ${said}`)));
  });
}
