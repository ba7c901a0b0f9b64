import { createHash } from 'node:crypto';
import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomId } from '@org/rpc-core/internal';
import { currentUser, prepareDirectory, resolveLocalDirectory } from './local-directory.js';
import { unlinkQuietly } from './local-files.js';
import { isRunning, thisProcess } from './local-owner.js';

/**
 * A path for a new unix socket in a folder that nobody but this user can enter, beside the entries; where that path would be longer than
 * the system takes, in the default directory of {@link resolveLocalDirectory}. Sockets of processes that have ended are removed.
 *
 * @param root - absolute path of the directory of all namespaces
 * @param fallback - the directory to use instead
 * @returns `undefined` on Windows, which has no files that say who may connect
 * @throws Error that says what to do: both paths are too long, others may write to the directory
 */
export async function privateSocket(
  root: string,
  fallback: string = resolveLocalDirectory(undefined),
): Promise<string | undefined> {
  if (currentUser() === undefined) return undefined;
  const { pid, machine } = thisProcess();
  const mark = createHash('sha256').update(machine).digest('hex').slice(0, 6);
  const name = `${mark}-${pid.toString(36)}-${randomId().slice(0, 10)}`;
  const directory = [root, fallback].find((each) => Buffer.byteLength(join(each, FOLDER, name)) <= PATH_BYTES_MAX);
  if (directory === undefined)
    throw new Error(
      `local: the path of a unix socket in ${root} is longer than the ${PATH_BYTES_MAX} bytes that the system takes; choose a shorter directory, or listen on a port: server.listen({ port: 0 })`,
    );
  const folder = join(directory, FOLDER);
  await prepareDirectory(directory);
  await prepareDirectory(folder);
  // A socket has the permissions that the umask leaves, and some systems ignore them: it is the folder that keeps others out.
  await chmod(folder, 0o700);
  await sweep(folder, mark);
  return join(folder, name);
}

/** No namespace has a `+` in the name of its directory. */
const FOLDER = '+sockets';
/** What fits into `sockaddr_un` with the zero at its end: unix(7) for Linux, unix(4) for the BSDs and macOS. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;

/** Process ids of another machine or container, with which the folder may be shared, say nothing here. */
async function sweep(folder: string, mark: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const [machine, pid = ''] = name.split('-', 2);
    if (machine !== mark) continue;
    if (!isRunning({ pid: Number.parseInt(pid, 36), startedAt: '', machine })) await unlinkQuietly(join(folder, name));
  }
}
