import { link, opendir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { randomId } from '@org/rpc-core/internal';
import { checkDirectory, prepareDirectory } from './local-directory.js';
import { ENTRY_SUFFIX, safeFileName } from './local-entry.js';
import { isMissing, TEMPORARY_PREFIX, unlinkQuietly } from './local-files.js';

/** Where the rules of the services of a namespace lie: a directory for each service, a file for each version. */
export interface RulesPaths {
  /** The versions of a service. The highest one counts; `null` in it means that the rules were deleted. */
  versions(service: string): string;
  reports(service: string): string;
  /** Makes the directories of a service, open to this user only. @throws Error that says what to do */
  prepare(service: string): Promise<void>;
  /** Looks at those that are there, for who is about to read: nobody else may put files there. @throws Error that says what to do */
  check(service: string): Promise<void>;
}

/** @param directory - of the namespace */
export function createRulesPaths(directory: string): RulesPaths {
  const root = dirname(directory);
  const rules = join(directory, 'rules');
  const versions = (service: string): string => join(rules, safeFileName(service));
  const reports = (service: string): string => join(versions(service), 'reports');
  return {
    versions,
    reports,
    async prepare(service) {
      for (const path of [root, directory, rules, versions(service), reports(service)]) await prepareDirectory(path);
    },
    async check(service) {
      try {
        for (const path of [root, directory, rules, versions(service)]) await checkDirectory(path);
      } catch (error) {
        // What is in none of them cannot be read.
        if (!isMissing(error)) throw error;
      }
    },
  };
}

/** The name of the file of a version; padded, so that the order of the names is that of the versions. */
export function versionFileName(version: number): string {
  return String(version).padStart(VERSION_DIGITS, '0') + ENTRY_SUFFIX;
}

/** The versions that a directory holds, the highest first; none when there is no directory. */
export async function listVersions(directory: string): Promise<readonly number[]> {
  const versions: number[] = [];
  for (const name of await listNames(directory))
    if (VERSION_PATTERN.test(name)) versions.push(Number.parseInt(name, 10));
  return versions.sort((a, b) => b - a);
}

/** The names of the files of a directory, at most 10,000; none when there is no directory. */
export async function listNames(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(directory, { bufferSize: 256 })) {
      if (entry.isFile() && entry.name.endsWith(ENTRY_SUFFIX)) names.push(entry.name);
      if (names.length >= NAMES_MAX) break;
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return names;
}

/**
 * Writes a file that does not exist yet, all of it at once.
 * @returns false when somebody else has written it
 */
export async function writeNew(directory: string, name: string, text: string): Promise<boolean> {
  const temporary = join(directory, TEMPORARY_PREFIX + randomId());
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' });
    // Unlike a rename, a link never replaces what is there.
    await link(temporary, join(directory, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlinkQuietly(temporary);
  }
}

/** The text of a file; `undefined` when it says that the rules were deleted. */
export function textOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString();
  return text.trim() === DELETED ? undefined : text;
}

/** Removes the versions beyond the newest `count` documents. */
export async function prune(directory: string, versions: readonly number[], count: number): Promise<void> {
  let documents = 0;
  for (const version of versions) {
    const path = join(directory, versionFileName(version));
    if (documents >= count) await unlinkQuietly(path);
    else if (((await stat(path).catch(() => undefined))?.size ?? 0) > DELETED.length) documents++;
  }
}

/** The text of a version that tells that the rules were deleted. */
export const DELETED = 'null';

const VERSION_DIGITS = 16;
const VERSION_PATTERN = /^\d{16}\.json$/;
const NAMES_MAX = 10_000;
