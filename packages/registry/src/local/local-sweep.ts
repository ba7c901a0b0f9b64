import { lstat, opendir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryEnvironment } from '../registry.js';
import type { Owner } from './local-owner.js';
import { createDirectoryScanner } from './local-scan.js';

/** How many namespaces one sweep looks into. They are chosen at random, so that every one has its turn. */
const NAMESPACES_MAX = 50;
const NAMES_MAX = 10_000;
/** What has changed within this time, in milliseconds, may still be in use. */
const QUIET_MS = 60_000;

/**
 * Removes what is left of namespaces that nobody uses any more, as tests leave one behind for each run: entries of dead processes, old
 * goodbyes, and then the directories, if nothing else is in them. Rules stay, and so does every directory that does not belong
 * to a namespace.
 *
 * @param root - absolute path of the directory of all namespaces, which must have been checked
 * @param own - the name of the directory that is looked after anyway
 */
export async function sweepNamespaces(
  root: string,
  own: string,
  environment: RegistryEnvironment,
  self: Owner,
): Promise<void> {
  const { clock, random } = environment;
  const names: string[] = [];
  for await (const entry of await opendir(root)) {
    // No namespace has a `+` in the name of its directory.
    if (entry.isDirectory() && entry.name !== own && !entry.name.includes('+')) names.push(entry.name);
    if (names.length >= NAMES_MAX) break;
  }
  const start = Math.floor(random() * names.length);
  const chosen = [...names.slice(start), ...names.slice(0, start)].slice(0, NAMESPACES_MAX);
  for (const name of chosen) {
    const directory = join(root, name);
    if (!(await isQuiet(directory, clock.wallNow()))) continue;
    // Problems of other namespaces are not reported here.
    const scanner = createDirectoryScanner({ directory, environment: { ...environment, onEvent: undefined }, self });
    try {
      await scanner.clean(await scanner.scan());
      await removeIfEmpty(directory, DEPTH_MAX);
    } catch {
      // Somebody else was faster, or it cannot be read: it is left as it is.
    }
  }
}

/** A namespace has its rules in it, these a directory for each service, and that one for reports. */
const DEPTH_MAX = 3;

async function isQuiet(directory: string, wallNow: number): Promise<boolean> {
  const stat = await lstat(directory).catch(() => undefined);
  return stat?.isDirectory() === true && wallNow - stat.mtimeMs > QUIET_MS;
}

/** Only directories are removed, and only by a call that fails when something is in them. */
async function removeIfEmpty(directory: string, depth: number): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isDirectory() || depth === 0) return;
    await removeIfEmpty(join(directory, entry.name), depth - 1);
  }
  await rmdir(directory).catch(() => {});
}
