import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RegistryEnvironment } from '../registry.js';
import { formatReport, REPORT_TTL_MS } from '../rules-report-text.js';
import type { RulesReport, RulesSource } from '../rules-source.js';
import { createTextWatches } from '../text-watches.js';
import { ENTRY_SUFFIX, safeFileName } from './local-entry.js';
import { isExhausted, isMissing, readWhole, unlinkQuietly, writeWhole } from './local-files.js';
import { listVersions, type RulesPaths, textOf, versionFileName } from './local-rules-files.js';

/** The rules of a local registry, for clients that follow them. All its work on files happens in the rounds of its handle. */
export interface LocalRules extends RulesSource {
  /** Whether there is anything to do in rounds. */
  readonly isActive: boolean;
  /** Reads what is watched and writes what was said. Never rejects. */
  round(): Promise<void>;
  /** Ends all watches. Idempotent. */
  close(): void;
  /** Takes all reports back; called when no round runs any more. Never rejects. */
  removeReports(): Promise<void>;
}

interface Seen {
  /** Changes when the file does. */
  readonly signature: string;
  readonly text: string | undefined;
}

interface Said {
  readonly service: string;
  readonly name: string;
  /** `undefined` when it is to go. */
  text: string | undefined;
  writtenAt: number;
}

/** @param requestRound - begins a round soon */
export function createLocalRules(
  paths: RulesPaths,
  environment: RegistryEnvironment,
  requestRound: () => void,
): LocalRules {
  const watches = createTextWatches();
  const seen = new Map<string, Seen>();
  const said = new Map<string, Said>();
  let isClosed = false;

  const look = async (service: string): Promise<void> => {
    const before = seen.get(service);
    const next = await read(paths.versions(service), before);
    if (next === undefined) return;
    seen.set(service, next);
    watches.offer(service, next.text);
  };
  const write = async (report: Said): Promise<void> => {
    const { service, name, text } = report;
    const now = environment.clock.now();
    if (text !== undefined && now - report.writtenAt < REPORT_TTL_MS / WRITES_PER_TTL) return;
    if (text === undefined) {
      said.delete(`${service} ${name}`);
      return unlinkQuietly(join(paths.reports(service), name));
    }
    await paths.prepare(service);
    await writeWhole(paths.reports(service), name, text);
    if (report.text === text) report.writtenAt = now;
  };

  return {
    get isActive() {
      return said.size > 0 || watches.names()[Symbol.iterator]().next().done === false;
    },
    watch(service, publish) {
      const watch = watches.add(service, publish);
      if (isClosed) watch.close();
      else requestRound();
      return watch;
    },
    report(service, instance, report: RulesReport | undefined) {
      if (isClosed) return;
      const name = safeFileName(instance) + ENTRY_SUFFIX;
      const key = `${service} ${name}`;
      if (report === undefined && !said.has(key)) return;
      said.set(key, { service, name, text: report && formatReport(report), writtenAt: Number.NEGATIVE_INFINITY });
      requestRound();
    },
    async round() {
      const services = new Set(watches.names());
      for (const service of seen.keys()) if (!services.has(service)) seen.delete(service);
      for (const service of services) await quietly(environment, service, () => look(service));
      for (const report of [...said.values()]) {
        if (!isClosed) await write(report).catch(() => undefined);
      }
    },
    close() {
      isClosed = true;
      watches.close();
    },
    async removeReports() {
      for (const { service, name } of said.values()) await unlinkQuietly(join(paths.reports(service), name));
      said.clear();
    },
  };
}

/** How often a report is rewritten within the time for which it counts. */
const WRITES_PER_TTL = 3;

/** What is there now; `undefined` when that cannot be told, as for a file that is being replaced. */
async function read(directory: string, before: Seen | undefined): Promise<Seen | undefined> {
  const [version] = await listVersions(directory);
  if (version === undefined) return { signature: '', text: undefined };
  const path = join(directory, versionFileName(version));
  try {
    const stat = await lstat(path);
    const signature = `${version} ${stat.ino} ${stat.mtimeMs} ${stat.ctimeMs} ${stat.size}`;
    if (before?.signature === signature) return before;
    const bytes = await readWhole(path);
    return bytes && { signature, text: textOf(bytes)?.trim() };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** A failed read changes nothing. The handle reports it when the whole directory cannot be used. */
async function quietly(environment: RegistryEnvironment, service: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isExhausted(error) || !(error instanceof TypeError)) return;
    const message = `the rules of ${service} are not read: ${error.message}`;
    environment.onEvent?.({ kind: 'invalidEntry', message, service, error });
  }
}
