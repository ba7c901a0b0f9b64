import { execFile } from 'node:child_process';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A library of another project that speaks MessagePack-RPC, with the program of ours that uses it. */
export interface Library {
  readonly name: string;
  /** Installs it below `folder` and returns how the program is started. @throws Error when it cannot be had */
  readonly install: (folder: string) => Promise<readonly string[]>;
}

const SOURCES = fileURLToPath(new URL('./', import.meta.url));

export const LIBRARIES: readonly Library[] = [
  { name: 'Go ugorji/go/codec 1.3.2', install: (folder) => installGo(folder, 'ugorji') },
  { name: 'Go neovim/go-client 1.2.1', install: (folder) => installGo(folder, 'neovim') },
  {
    name: 'Python msgpack-rpc-python 0.4.1',
    async install(folder) {
      const home = await copied(folder, 'python');
      await run('python3', ['-m', 'venv', '.venv'], home);
      await run('.venv/bin/pip', ['install', '--quiet', '-r', 'requirements.txt'], home);
      return [join(home, '.venv/bin/python'), join(home, 'peer.py')];
    },
  },
  {
    name: 'Python mprpc 0.1.17',
    async install(folder) {
      const home = await copied(folder, 'python');
      await run('python3', ['-m', 'venv', '.venv-mprpc'], home);
      await run('.venv-mprpc/bin/pip', ['install', '--quiet', 'setuptools', 'cython<3', 'mprpc==0.1.17'], home);
      return [join(home, '.venv-mprpc/bin/python'), join(home, 'mprpc_peer.py')];
    },
  },
  {
    name: 'Rust msgpack-rpc 0.4.2',
    async install(folder) {
      const home = await copied(folder, 'rust');
      await run('cargo', ['build', '--quiet', '--locked'], home);
      return [join(home, 'target/debug/peer')];
    },
  },
  { name: 'npm msgpack5rpc 1.1.0', install: (folder) => installNode(folder, 'msgpack5rpc') },
  { name: 'npm neovim 5.5.0', install: (folder) => installNode(folder, 'neovim') },
];

async function installGo(folder: string, library: string): Promise<readonly string[]> {
  const home = await copied(folder, 'go');
  await run('go', ['build', '-o', 'peer', '.'], home);
  return [join(home, 'peer'), library];
}

async function installNode(folder: string, library: string): Promise<readonly string[]> {
  const home = await copied(folder, 'node');
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], home);
  return [process.execPath, join(home, 'peer.cjs'), library];
}

/** What is installed stands beside a copy: the sources stay as they are. */
async function copied(folder: string, name: string): Promise<string> {
  const home = join(folder, name);
  await mkdir(home, { recursive: true });
  await cp(join(SOURCES, name), home, { recursive: true });
  return home;
}

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const options = { cwd, timeout: 600_000, maxBuffer: 64 * 1024 * 1024 };
  await promisify(execFile)(command, args, options).catch((error: Error & { stderr?: string }) => {
    const lines = (error.stderr ?? error.message).split('\n').filter((line) => /error/i.test(line));
    throw new Error(`${command} ${args[0]}: ${(lines[0] ?? error.message).trim()}`);
  });
}
