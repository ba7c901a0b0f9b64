// Finds an etcd for the tests and the demo, or installs the distribution's one where that can be done without asking.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGES = ['etcd-server', 'etcd-client'];
const HELP = `Install etcd 3.4 or newer and put it on PATH, or set ETCD_BIN to the path of its binary:
  Debian, Ubuntu   apt-get install ${PACKAGES.join(' ')}
  macOS            brew install etcd
  others           https://github.com/etcd-io/etcd/releases`;

/**
 * The path of an etcd: ETCD_BIN, else `etcd` on PATH, else that of the packages of Debian or Ubuntu, which are installed when this
 * process is root. Nothing is started, and no service is left behind.
 *
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export async function findEtcd({ env = process.env, log = console.error, canInstall = isRootOnDebian } = {}) {
  if (env.ETCD_BIN) {
    if (isExecutable(env.ETCD_BIN)) return resolve(env.ETCD_BIN);
    throw new Error(`ETCD_BIN is ${env.ETCD_BIN}, which is no executable file.\n${HELP}`);
  }
  const found = onPath('etcd', env);
  if (found !== undefined) return found;
  if (!canInstall()) throw new Error(`No etcd found, and it cannot be installed from here.\n${HELP}`);
  log(`No etcd found: installing ${PACKAGES.join(' and ')} ...`);
  await install(env, log);
  const installed = onPath('etcd', env);
  if (installed !== undefined) return installed;
  throw new Error(`${PACKAGES.join(' and ')} were installed, but there is still no etcd on PATH.\n${HELP}`);
}

function onPath(name, env) {
  const candidates = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return candidates.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isRootOnDebian() {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

async function install(env, log) {
  const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C.UTF-8' };
  const restorePolicy = forbidServices();
  try {
    await run('apt-get', ['update', '-q'], quiet, log);
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...PACKAGES], quiet, log);
  } finally {
    restorePolicy();
  }
  // Nor is it to come up with the machine. Where there is nothing to disable, there is nothing to do.
  await run('update-rc.d', ['etcd', 'disable'], quiet, log).catch(() => undefined);
}

/**
 * The package starts a service on the default port when it is installed. Whatever starts services asks this file first, and its
 * answer 101 is "no, do not" (policy-rc.d of Debian). One that is there already is somebody's decision and stays.
 */
function forbidServices() {
  const policy = '/usr/sbin/policy-rc.d';
  try {
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
  } catch {
    return () => undefined;
  }
  return () => rmSync(policy, { force: true });
}

function run(command, args, env, log) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (text) => {
      for (const line of text.split('\n')) if (line.trim() !== '') log(`  ${line}`);
    });
    child.on('error', (error) => fail(new Error(`${command} could not be started: ${error.message}\n${HELP}`)));
    child.on('close', (code, signal) => {
      if (code === 0) done();
      else fail(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}.\n${HELP}`));
    });
  });
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'ensure') {
    try {
      console.log(await findEtcd());
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  } else {
    console.error('usage: node scripts/etcd.mjs ensure');
    process.exitCode = 2;
  }
}
