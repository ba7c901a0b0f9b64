import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@org/rpc-core';
import { isRpcError } from '@org/rpc-core';
import { assertName, nextRules, RULES_HISTORY_MAX, rpcError, rulesConflict, storedRules } from '@org/rpc-core/internal';
import { parseReport, REPORT_TTL_MS, reportKey } from '../rules-report-text.js';
import type { RulesReport, RulesStore, StoredRules } from '../rules-source.js';
import { readWhole, unlinkQuietly } from './local-files.js';
import {
  DELETED,
  listNames,
  listVersions,
  prune,
  type RulesPaths,
  textOf,
  versionFileName,
  writeNew,
} from './local-rules-files.js';

/**
 * Changes the rules of a local registry. Each change is a file of its own with the next version as its name, which only one of
 * two who race can make.
 */
export function createLocalRulesStore(paths: RulesPaths, clock: Clock): RulesStore {
  const change = async (
    service: string,
    expectedVersion: number,
    next: (lastVersion: number) => string,
  ): Promise<void> => {
    await paths.prepare(service);
    const directory = paths.versions(service);
    const versions = await listVersions(directory);
    const current = await readCurrent(directory, versions[0]);
    const version = current?.version ?? 0;
    if (version !== expectedVersion) throw rulesConflict(service, expectedVersion, version);
    const lastVersion = versions[0] ?? 0;
    const isOurs = await writeNew(directory, versionFileName(lastVersion + 1), next(lastVersion));
    if (!isOurs) throw rulesConflict(service, expectedVersion, lastVersion + 1);
    await prune(directory, [lastVersion + 1, ...versions], RULES_HISTORY_MAX);
  };
  const read = <T>(service: string, from: () => Promise<T>): Promise<T> =>
    told(service, 'read', async () => {
      await paths.check(service);
      return from();
    });
  return {
    get: (service) =>
      read(service, async () => {
        const directory = paths.versions(service);
        return readCurrent(directory, (await listVersions(directory))[0]);
      }),
    async set(service, document, expectedVersion) {
      assertName('rules: the name of a service', service);
      let written = nextRules(service, document, expectedVersion);
      await told(service, 'write', () =>
        change(service, expectedVersion, (lastVersion) => {
          written = nextRules(service, document, lastVersion);
          return written.text;
        }),
      );
      return written.document;
    },
    history: (service) => read(service, () => readHistory(paths.versions(service))),
    reports: (service) => read(service, () => readReports(paths.reports(service), clock.wallNow())),
    delete: (service, expectedVersion) =>
      told(service, 'delete', async () => {
        if (expectedVersion !== 0) return change(service, expectedVersion, () => DELETED);
        const directory = paths.versions(service);
        const version = (await readCurrent(directory, (await listVersions(directory))[0]))?.version ?? 0;
        if (version !== 0) throw rulesConflict(service, expectedVersion, version);
      }),
  };
}

async function readVersion(directory: string, version: number): Promise<StoredRules | undefined> {
  try {
    const bytes = await readWhole(join(directory, versionFileName(version)));
    const text = bytes && textOf(bytes);
    if (text === undefined) return undefined;
    const stored = storedRules(text.trim());
    // The version is in the name of the file, which nobody else can have taken.
    return stored.document === undefined ? { ...stored, version } : stored;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { version, text: '', document: undefined, problem: error.message };
  }
}

async function readCurrent(directory: string, version: number | undefined): Promise<StoredRules | undefined> {
  return version === undefined ? undefined : readVersion(directory, version);
}

async function readHistory(directory: string): Promise<readonly StoredRules[]> {
  const history: StoredRules[] = [];
  for (const version of await listVersions(directory)) {
    const stored = await readVersion(directory, version);
    if (stored !== undefined) history.push(stored);
    if (history.length >= RULES_HISTORY_MAX) break;
  }
  return history;
}

async function readReports(directory: string, wallNow: number): Promise<readonly RulesReport[]> {
  const reports: RulesReport[] = [];
  for (const name of await listNames(directory)) {
    const path = join(directory, name);
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined) continue;
    if (wallNow - stat.mtimeMs > REPORT_TTL_MS) {
      await unlinkQuietly(path);
      continue;
    }
    const bytes = await readWhole(path).catch(() => undefined);
    const report = bytes && parseReport(bytes.toString());
    if (report !== undefined) reports.push(report);
  }
  return reports.sort((a, b) => (reportKey(a) < reportKey(b) ? -1 : 1));
}

async function told<T>(service: string, verb: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isRpcError(cause) || cause instanceof TypeError) throw cause;
    throw rpcError('UNAVAILABLE', `cannot ${verb} the rules of "${service}": ${(cause as Error).message}`, { cause });
  }
}
