import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.mjs';
import { run } from './run.mjs';

/** A step of the setup went wrong. The message is all that a user needs to see. */
export class SetupError extends Error {}

/**
 * Brings a fresh clone to where it can run: checks Node, installs what is missing, builds what is older than its sources.
 * @throws SetupError that says what to do
 */
export async function setup() {
  checkNode(process.versions.node);
  const warning = nodeWarning(process.versions.node);
  if (warning !== undefined) console.warn(warning);
  await installMissing();
  await build();
}

/**
 * Installs what the lock file of a folder asks for and its node_modules does not have.
 * @param {string} [folder] with a package.json of its own, from the top of the repository
 * @throws SetupError that says what to do
 */
export async function installMissing(folder = '.') {
  if (!isInstalled(folder)) await install(folder);
}

/** @param {string} version such as `20.19.0` */
export function checkNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(`Node.js ${version} is too old: version 20.19 or later is needed, see https://nodejs.org`);
}

/**
 * What to say of a version that runs and that `engines` does not name: those before have no seed in the hashes of texts that look like integers.
 * @param {string} version such as `20.19.0`
 */
export function nodeWarning(version) {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [leastMinor, leastPatch] =
    { 20: [20, 2], 22: [22, 2], 24: [14, 1], 25: [8, 2] }[major] ??
    (major > 25 ? [0, 0] : [Number.POSITIVE_INFINITY, 0]);
  if (minor > leastMinor || (minor === leastMinor && patch >= leastPatch)) return undefined;
  return `Node.js ${version} runs, but lacks a fix for hash collisions (CVE-2026-21717): use 20.20.2, 22.22.2, 24.14.1, 25.8.2 or later`;
}

/** Whether node_modules holds what package-lock.json asks for: npm keeps a record of what it installed. */
function isInstalled(folder) {
  const record = join(ROOT, folder, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, folder, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    // Only what lies in node_modules is recorded, and of what is optional only what this platform can use.
    if (!path.includes('node_modules/') || entry.optional || entry.devOptional || entry.peer) return true;
    return installed[path]?.version === entry.version && installed[path]?.integrity === entry.integrity;
  });
}

async function install(folder) {
  console.log(folder === '.' ? 'installing (npm ci)' : `installing what ${folder} needs (npm ci)`);
  const args = ['ci', '--prefix', join(ROOT, folder), '--ignore-scripts', '--no-audit', '--no-fund'];
  // Under `npm run` its own program is known by path, which also works where npm is not on PATH or is a .cmd file.
  const npm = process.env.npm_execpath;
  const { code } = npm
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' });
  if (code !== 0)
    throw new SetupError('npm ci failed, see above; it needs npm and a way to its registry (npm config get registry)');
}

async function build() {
  const started = Date.now();
  if (!existsSync(join(ROOT, 'packages/rpc/dist'))) console.log('building (tsc -b)');
  // The compiler itself finds out what is older than its sources; when nothing is, that takes about a second.
  const { code } = await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b']);
  if (code !== 0) throw new SetupError('the build failed (tsc -b), see above');
  if (Date.now() - started > 3000) console.log(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
