// Finds what speaks MessagePack-RPC in the tests, Neovim and the Python client pynvim, or installs the distribution's ones.
import { spawnSync } from 'node:child_process';
import { findProgram, runAsCommand } from './lib/find-program.mjs';

/** @type {import('./lib/find-program.mjs').Program} */
const NEOVIM = {
  name: 'nvim',
  variable: 'NVIM_BIN',
  packages: ['neovim'],
  help: `Install Neovim 0.7 or newer and put nvim on PATH, or set NVIM_BIN to the path of its binary:
  Debian, Ubuntu   apt-get install neovim
  macOS            brew install neovim
  others           https://github.com/neovim/neovim/releases`,
};

/** @type {import('./lib/find-program.mjs').Program} */
const PYNVIM = {
  name: 'python3',
  variable: 'PYTHON_BIN',
  packages: ['python3-pynvim'],
  // Where the distribution's packages belong to, whatever else is called python3 on PATH.
  paths: ['/usr/bin/python3'],
  isUsable: (path) => spawnSync(path, ['-c', 'import pynvim'], { stdio: 'ignore' }).status === 0,
  help: `Install the Python package pynvim, or set PYTHON_BIN to the path of a python3 that can import it:
  Debian, Ubuntu   apt-get install python3-pynvim
  others           python3 -m venv DIRECTORY && DIRECTORY/bin/pip install pynvim, PYTHON_BIN=DIRECTORY/bin/python3`,
};

/**
 * The path of a Neovim, which is installed when there is none and this process may.
 *
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export function findNeovim(options) {
  return findProgram(NEOVIM, options);
}

/**
 * The path of a Python that can import pynvim, which is installed when there is none and this process may.
 *
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export function findPynvim(options) {
  return findProgram(PYNVIM, options);
}

await runAsCommand(import.meta.url, [findNeovim, findPynvim]);
