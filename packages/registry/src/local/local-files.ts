import { constants } from 'node:fs';
import { link, open, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomId } from '@org/rpc-core/internal';
import { currentUser } from './local-directory.js';
import { ENTRY_BYTES_MAX } from './local-entry.js';

/** The prefix of temporary files, which will be or were entries. */
export const TEMPORARY_PREFIX = '.tmp-';

/** Writes a file so that readers see all of it or what was there before; of two writers at once the later one wins. */
export async function writeWhole(directory: string, name: string, text: string): Promise<void> {
  const temporary = join(directory, TEMPORARY_PREFIX + randomId());
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    await rename(temporary, join(directory, name));
  } catch (error) {
    await unlinkQuietly(temporary);
    throw error;
  }
}

/**
 * Reads the file of an entry. It never blocks on what is no plain file, and reads no more than an entry can have.
 *
 * @param bytesMax - of the largest file that is read
 * @returns `undefined` when there is none
 * @throws Error when it is not a plain file of this user, or too large
 */
export async function readWhole(path: string, bytesMax: number = ENTRY_BYTES_MAX): Promise<Buffer | undefined> {
  try {
    // Not blocking, or the opening of a named pipe would wait for its writer for ever.
    const file = await open(path, constants.O_RDONLY | NO_FOLLOW | NON_BLOCK);
    try {
      const stat = await file.stat();
      assertEntryFile(stat, bytesMax);
      const buffer = Buffer.alloc(stat.size);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Removes a file if it still has the content that the caller saw. It is moved aside and checked there, so that a file that its
 * owner has written meanwhile is put back and not lost.
 */
export async function removeIf(directory: string, name: string, isStale: (bytes: Buffer) => boolean): Promise<void> {
  const path = join(directory, name);
  const aside = join(directory, TEMPORARY_PREFIX + randomId());
  try {
    await rename(path, aside);
    const bytes = await readWhole(aside).catch(() => undefined);
    // link() fails when the owner has written again, and that newer file must not be replaced by this one.
    if (bytes === undefined || !isStale(bytes)) await link(aside, path);
  } catch {
    // Another reader was faster, or the directory is gone: the next scan finds out.
  }
  await unlinkQuietly(aside);
}

/** Removes a file if there is one and it can be removed. */
export async function unlinkQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}

/** Whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
}

/** Whether an error is about the process or the disk, and says nothing about the file. */
export function isExhausted(error: unknown): boolean {
  return EXHAUSTED_CODES.has((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** @throws TypeError when this can't be the file of an entry and need not be opened */
export function assertEntryFile(
  stat: { isFile(): boolean; uid: number; size: number },
  bytesMax: number = ENTRY_BYTES_MAX,
): void {
  if (!stat.isFile()) throw new TypeError('it is not a plain file');
  const user = currentUser();
  if (user !== undefined && stat.uid !== user) throw new TypeError(`it belongs to user ${stat.uid}`);
  if (stat.size > bytesMax) throw new TypeError(`it is larger than ${bytesMax} bytes`);
}

const EXHAUSTED_CODES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EIO']);
// Windows has neither flag.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const NON_BLOCK = constants.O_NONBLOCK ?? 0;
