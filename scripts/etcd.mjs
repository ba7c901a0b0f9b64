// Finds an etcd for the tests and the demo, or installs the distribution's one where that can be done without asking.
import { findProgram, runAsCommand } from './lib/find-program.mjs';

const PACKAGES = ['etcd-server', 'etcd-client'];

/** @type {import('./lib/find-program.mjs').Program} */
const ETCD = {
  name: 'etcd',
  variable: 'ETCD_BIN',
  packages: PACKAGES,
  service: 'etcd',
  help: `Install etcd 3.4 or newer and put it on PATH, or set ETCD_BIN to the path of its binary:
  Debian, Ubuntu   apt-get install ${PACKAGES.join(' ')}
  macOS            brew install etcd
  others           https://github.com/etcd-io/etcd/releases`,
};

/**
 * The path of an etcd, which is installed when there is none and this process may.
 *
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export function findEtcd(options) {
  return findProgram(ETCD, options);
}

await runAsCommand(import.meta.url, [findEtcd]);
