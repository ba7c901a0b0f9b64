import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join, normalize } from 'node:path';
import { describeValue } from '@org/rpc-core/internal';
import { checkDirectory, currentUser, prepareDirectory, resolveLocalDirectory } from '../local/local-directory.js';

/** Where the files of snapshots are. */
export interface SnapshotFolder {
  /** The folder itself. */
  readonly path: string;
  /** Makes it if it is not there. @throws Error that says what to do, also when others may write to it */
  prepare(): Promise<unknown>;
  /** Resolves with whether it is there. @throws Error that says what to do when others may write to it */
  check(): Promise<boolean>;
  /** The file name of a service in a namespace of a registry: two that differ in any of them share no file. */
  fileOf(registry: string, namespace: string, service: string): string;
}

/**
 * The folder that was given, or this user's own: `org-rpc/snapshots` in `XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory
 * Specification), among the temporary files where there is no home. Touches no file.
 *
 * @param where - the function whose option it is, for errors
 * @throws TypeError when it is not an absolute path
 */
export function createSnapshotFolder(where: string, directory: unknown): SnapshotFolder {
  const path = directory === undefined ? defaultFolder() : readPath(where, directory);
  return {
    path,
    prepare: () => prepareDirectory(path),
    check: () =>
      checkDirectory(path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw error;
        },
      ),
    fileOf(registry, namespace, service) {
      // A hash, because the display of a registry may be long, and the name of a service is not a valid file name everywhere.
      const hash = createHash('sha256')
        .update(JSON.stringify([registry, namespace, service]))
        .digest('hex');
      return `${hash.slice(0, 32)}.json`;
    },
  };
}

function readPath(where: string, directory: unknown): string {
  if (typeof directory !== 'string' || !isAbsolute(directory) || directory.includes('\0'))
    throw new TypeError(`${where}: directory must be an absolute path, got ${describeValue(directory)}`);
  return normalize(directory);
}

function defaultFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'];
  if (cache !== undefined && isAbsolute(cache)) return join(cache, 'org-rpc', 'snapshots');
  const home = homedir();
  // For a user without a home, as in many containers, it is "/" or empty.
  if (isAbsolute(home) && home !== '/' && currentUser() !== undefined)
    return join(home, '.cache', 'org-rpc', 'snapshots');
  return join(resolveLocalDirectory(undefined), 'snapshots');
}
