import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryEnvironment } from '../registry.js';
import { decodeEntry, ENTRY_SUFFIX, entryFileName, type LocalEntry } from './local-entry.js';
import {
  assertEntryFile,
  isExhausted,
  isMissing,
  readWhole,
  removeIf,
  TEMPORARY_PREFIX,
  unlinkQuietly,
} from './local-files.js';
import { isRunning, type Owner } from './local-owner.js';

/** An entry, and what is known of its owner: running, gone with a goodbye, or gone without one. */
export interface ScannedEntry {
  readonly entry: LocalEntry;
  readonly state: 'live' | 'left' | 'dead';
}

/** All entries of a directory at one moment, by instance id. */
export type Scan = ReadonlyMap<string, ScannedEntry>;

/** Reads the directory of one namespace again and again; files that have not changed are not read again. */
export interface Scanner {
  /** @throws Error when the directory can't be read; a bad file is an event, once, and is left out */
  scan(): Promise<Scan>;
  /** Removes what a scan found to be useless: entries of dead processes, old goodbyes and half-written files. */
  clean(scan: Scan): Promise<void>;
}

interface KnownFile {
  /** What stat tells of the file: it changes when the file does. */
  readonly signature: string;
  readonly mtimeMs: number;
  /** When this signature was first seen, on the registry's clock. */
  readonly seenAt: number;
  /** Whether the content was read long enough after the last change that a later change would alter the signature. */
  readonly settled: boolean;
  /** `undefined` when it can't be used, which was reported. */
  readonly entry: LocalEntry | undefined;
}

/** What a scanner reads, and for whom. */
export interface ScannerOptions {
  readonly directory: string;
  readonly environment: RegistryEnvironment;
  /** This process, whose machine the entries must come from. */
  readonly self: Owner;
  /** More files are left out (default 10,000): a directory is of one user, so many are a mistake or an attack. */
  readonly filesMax?: number;
  /** Reads a file (default: from the file system). */
  readonly read?: (path: string) => Promise<Buffer | undefined>;
}

/** Makes a scanner that has not seen anything yet. */
export function createDirectoryScanner(options: ScannerOptions): Scanner {
  const { directory, environment, self, filesMax = FILES_MAX, read = readWhole } = options;
  const { clock, onEvent } = environment;
  let known = new Map<string, KnownFile>();
  let leftovers: readonly string[] = [];
  let tooMany = false;

  const report = (message: string, error?: unknown): void =>
    onEvent?.({ kind: 'invalidEntry', message, error: error instanceof Error ? error : undefined });

  const look = async (name: string): Promise<KnownFile | undefined> => {
    const before = known.get(name);
    const now = clock.now();
    const path = join(directory, name);
    try {
      const stat = await lstat(path);
      const { mtimeMs } = stat;
      const signature = `${stat.ino} ${mtimeMs} ${stat.ctimeMs} ${stat.size}`;
      const isSame = before?.signature === signature;
      if (isSame && before.settled) return before;
      const seenAt = isSame ? before.seenAt : now;
      const file = { signature, mtimeMs, seenAt, settled: now - seenAt > SETTLE_MS };
      try {
        assertEntryFile(stat);
        const bytes = await read(path);
        return bytes === undefined ? undefined : { ...file, entry: checkEntry(decodeEntry(bytes), name, self) };
      } catch (error) {
        // For example too many open files: that must not look as if the instance had gone.
        if (isExhausted(error)) throw error;
        const isReported = before !== undefined && before.entry === undefined;
        if (!isReported) report(`skipped ${path}: ${describe(error)}`, error);
        return { ...file, entry: undefined };
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  return {
    async scan() {
      const listing = await listNames(directory, filesMax);
      if (listing.isCut && !tooMany) report(`${directory} has more than ${filesMax} files; the rest is left out`);
      tooMany = listing.isCut;
      leftovers = listing.temporary;
      const files = new Map<string, KnownFile>();
      for (let start = 0; start < listing.entries.length; start += LOOKS_AT_ONCE) {
        const names = listing.entries.slice(start, start + LOOKS_AT_ONCE);
        const found = await Promise.all(names.map(look));
        for (const [index, file] of found.entries()) if (file !== undefined) files.set(names[index]!, file);
      }
      known = files;
      return judge(files.values());
    },

    clean: (scan) => clean(directory, clock.wallNow(), scan, known, leftovers),
  };
}

const FILES_MAX = 10_000;
const LOOKS_AT_ONCE = 64;
/** Two writes within one tick of a file system's clock can look the same; the coarsest in use ticks every 2 s (FAT). */
const SETTLE_MS = 2_000;
/** How long a goodbye is kept for readers that were busy, in milliseconds; later ones take the instance for dead or unknown. */
const GOODBYE_MS = 30_000;
const LEFTOVER_MS = 60_000;

interface Listing {
  readonly entries: readonly string[];
  readonly temporary: readonly string[];
  readonly isCut: boolean;
}

async function listNames(directory: string, filesMax: number): Promise<Listing> {
  const entries: string[] = [];
  const temporary: string[] = [];
  for await (const { name } of await opendir(directory, { bufferSize: 256 })) {
    if (entries.length + temporary.length >= filesMax) return { entries, temporary, isCut: true };
    if (name.startsWith(TEMPORARY_PREFIX)) temporary.push(name);
    else if (name.endsWith(ENTRY_SUFFIX)) entries.push(name);
  }
  return { entries, temporary, isCut: false };
}

function checkEntry(entry: LocalEntry, name: string, self: Owner): LocalEntry {
  const { id } = entry.instance.endpoint;
  if (entryFileName(id) !== name) throw new TypeError(`it holds the entry of another instance, "${id}"`);
  if (entry.owner.machine !== self.machine) {
    throw new TypeError('it was written on another machine or in another container; use a registry such as etcd there');
  }
  return entry;
}

function judge(files: Iterable<KnownFile>): Scan {
  const running = new Map<string, boolean>();
  const scan = new Map<string, ScannedEntry>();
  for (const { entry } of files) {
    if (entry === undefined) continue;
    const { owner, left } = entry;
    const key = `${owner.pid} ${owner.startedAt}`;
    const isLive = running.get(key) ?? isRunning(owner);
    running.set(key, isLive);
    scan.set(entry.instance.endpoint.id, { entry, state: left ? 'left' : isLive ? 'live' : 'dead' });
  }
  return scan;
}

async function clean(
  directory: string,
  wallNow: number,
  scan: Scan,
  known: ReadonlyMap<string, KnownFile>,
  leftovers: readonly string[],
): Promise<void> {
  for (const { entry, state } of scan.values()) {
    const name = entryFileName(entry.instance.endpoint.id);
    const file = known.get(name);
    if (state === 'live' || file === undefined) continue;
    if (state === 'left' && wallNow - file.mtimeMs < GOODBYE_MS) continue;
    await removeIf(directory, name, (bytes) => isStill(entry, bytes));
  }
  for (const name of leftovers) {
    const path = join(directory, name);
    const stat = await lstat(path).catch(() => undefined);
    if (stat !== undefined && wallNow - stat.mtimeMs > LEFTOVER_MS) await unlinkQuietly(path);
  }
}

function isStill(entry: LocalEntry, bytes: Buffer): boolean {
  try {
    const now = decodeEntry(bytes);
    return now.token === entry.token && now.left === entry.left && (now.left || !isRunning(now.owner));
  } catch {
    return false;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
