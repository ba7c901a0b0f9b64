// Finds a Prometheus for the check of dashboards and alert rules, or installs the distribution's one.
import { findProgram, runAsCommand } from './lib/find-program.mjs';

/** @type {import('./lib/find-program.mjs').Program} */
const PROMETHEUS = {
  name: 'prometheus',
  variable: 'PROMETHEUS_BIN',
  packages: ['prometheus'],
  service: 'prometheus',
  help: `Install Prometheus 2.40 or newer and put it on PATH, or set PROMETHEUS_BIN to the path of its binary:
  Debian, Ubuntu   apt-get install prometheus
  macOS            brew install prometheus
  others           https://github.com/prometheus/prometheus/releases`,
};

/**
 * The path of a Prometheus, which is installed when there is none and this process may.
 *
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export function findPrometheus(options) {
  return findProgram(PROMETHEUS, options);
}

await runAsCommand(import.meta.url, [findPrometheus]);
