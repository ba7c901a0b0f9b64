import { lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { describeValue } from '@org/rpc-core/internal';

/**
 * The directory of a local registry: the one that was given, or one of this user's own, in `XDG_RUNTIME_DIR` where that is set
 * (XDG Base Directory Specification), else among the temporary files. Touches no file.
 *
 * @throws TypeError when it is not an absolute path
 */
export function resolveLocalDirectory(directory: unknown): string {
  if (directory === undefined) return defaultDirectory();
  if (typeof directory !== 'string' || !isAbsolute(directory) || directory.includes('\0')) {
    throw new TypeError(`local: directory must be an absolute path, got ${describeValue(directory)}`);
  }
  return normalize(directory);
}

/**
 * Makes sure that a directory exists and that only this user can put files into it: whoever can do that can redirect calls.
 * Directories that it makes are open to this user only.
 *
 * @returns a mark that tells this directory from a later one at the same path
 * @throws Error that says what to do
 */
export async function prepareDirectory(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  return checkDirectory(path);
}

/**
 * The same check before reading, without making anything: whoever can put files there decides what is read.
 *
 * @throws Error that says what to do, or `ENOENT` when there is no such directory
 */
export async function checkDirectory(path: string): Promise<string> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) throw new Error(`${path} is not a directory; remove it or choose another directory`);
  const user = currentUser();
  if (user !== undefined && stat.uid !== user) {
    throw new Error(`${path} belongs to user ${stat.uid}, not to ${user} who runs this; choose another directory`);
  }
  if (user !== undefined && (stat.mode & OTHERS_MAY_WRITE) !== 0) {
    throw new Error(`${path} can be written by other users; run: chmod 700 ${path}`);
  }
  return `${stat.ino} ${stat.birthtimeMs}`;
}

/** The numeric id of the user who runs this process, `undefined` on Windows. */
export function currentUser(): number | undefined {
  return process.getuid?.();
}

const OTHERS_MAY_WRITE = 0o022;

function defaultDirectory(): string {
  const runtime = process.env['XDG_RUNTIME_DIR'];
  if (runtime !== undefined && isAbsolute(runtime)) return join(runtime, 'org-rpc');
  const user = currentUser();
  // On Windows the directory of temporary files is each user's own.
  return join(tmpdir(), user === undefined ? 'org-rpc' : `org-rpc-${user}`);
}
