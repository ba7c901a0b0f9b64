import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A program that the tests need and npm cannot bring.
 *
 * @typedef {object} Program
 * @property {string} name as on PATH
 * @property {string} variable the environment variable that may hold its path
 * @property {readonly string[]} packages what Debian and Ubuntu call it
 * @property {string} help what to do where it cannot be installed; printed after what went wrong
 * @property {string} [service] the service of the package, which is not to come up with the machine
 * @property {readonly string[]} [paths] where else it may be, after PATH
 * @property {(path: string) => boolean} [isUsable] whether an executable of this name will do; default yes
 */

/**
 * The path of a program: the one that its variable names, else one on PATH, else that of the packages of Debian or Ubuntu,
 * which are installed when this process is root. Nothing is started, and no service is left behind.
 *
 * @param {Program} program
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, canInstall?: () => boolean }} [options]
 * @returns {Promise<string>}
 * @throws Error that says what to install
 */
export async function findProgram(
  program,
  { env = process.env, log = console.error, canInstall = isRootOnDebian } = {},
) {
  const { name, variable, packages, help, isUsable = () => true } = program;
  const given = env[variable];
  if (given) {
    if (isExecutable(given) && isUsable(given)) return resolve(given);
    throw new Error(
      `${variable} is ${given}, which is ${isExecutable(given) ? 'not usable' : 'no executable file'}.\n${help}`,
    );
  }
  const found = search(program, env);
  if (found !== undefined) return found;
  if (!canInstall()) throw new Error(`No usable ${name} found, and it cannot be installed from here.\n${help}`);
  log(`No usable ${name} found: installing ${packages.join(' and ')} ...`);
  await install(program, env, log);
  const installed = search(program, env);
  if (installed !== undefined) return installed;
  throw new Error(`Installed ${packages.join(' and ')}, but there is still no usable ${name} on PATH.\n${help}`);
}

/**
 * What `node scripts/NAME.mjs ensure` does: finds or installs the programs and prints their paths, one a line. Does nothing when
 * the module was imported.
 *
 * @param {string} moduleUrl `import.meta.url` of the script
 * @param {readonly (() => Promise<string>)[]} finders
 */
export async function runAsCommand(moduleUrl, finders) {
  const script = fileURLToPath(moduleUrl);
  if (process.argv[1] === undefined || resolve(process.argv[1]) !== script) return;
  if (process.argv[2] !== 'ensure') {
    console.error(`usage: node ${process.argv[1]} ensure`);
    process.exitCode = 2;
    return;
  }
  for (const find of finders) {
    try {
      console.log(await find());
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  }
}

function search({ name, paths = [], isUsable = () => true }, env) {
  const candidates = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return [...candidates.map((directory) => join(directory, name)), ...paths].find(
    (path) => isExecutable(path) && isUsable(path),
  );
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

async function install({ packages, service, help }, env, log) {
  const quiet = { ...env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1', LC_ALL: 'C.UTF-8' };
  const run = (command, ...args) => runLogged(command, args, quiet, log, help);
  const restorePolicy = forbidServices();
  try {
    await run('apt-get', 'update', '-q');
    await run('apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages);
  } finally {
    restorePolicy();
  }
  // Nor is it to come up with the machine. Where there is nothing to disable, there is nothing to do.
  if (service !== undefined) await run('update-rc.d', service, 'disable').catch(() => undefined);
}

/**
 * Some packages start a service on its default port when they are installed. Whatever starts services asks this file first, and
 * its answer 101 is "no, do not" (policy-rc.d of Debian). One that is there already is somebody's decision and stays.
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

function runLogged(command, args, env, log, help) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (text) => {
      for (const line of text.split('\n')) if (line.trim() !== '') log(`  ${line}`);
    });
    child.on('error', (error) => fail(new Error(`${command} could not be started: ${error.message}\n${help}`)));
    child.on('close', (code, signal) => {
      if (code === 0) done();
      else fail(new Error(`${command} ${args.join(' ')} ended with ${signal ?? `exit code ${code}`}.\n${help}`));
    });
  });
}
