import { assertName, nextRules, RULES_HISTORY_MAX, rulesConflict, storedRules } from '@org/rpc-core/internal';
import type { Watch } from '../registry.js';
import { reportKey } from '../rules-report-text.js';
import type { RulesReport, RulesSource, RulesStore, StoredRules } from '../rules-source.js';
import { createTextWatches, type TextWatches } from '../text-watches.js';

/** The rules of one namespace in memory: what all handles share. */
export interface MemoryRules {
  readonly services: Map<string, ServiceRules>;
  readonly watches: Set<TextWatches>;
}

interface ServiceRules {
  current: StoredRules | undefined;
  /** The newest first. */
  history: readonly StoredRules[];
  lastVersion: number;
  readonly reports: Map<string, RulesReport>;
}

/** Makes a namespace without rules. */
export function createMemoryRules(): MemoryRules {
  return { services: new Map(), watches: new Set() };
}

/** The two parts of a handle on them, and what ends it. */
export interface MemoryRulesHandle {
  readonly rules: RulesSource;
  readonly rulesStore: RulesStore;
  close(): void;
}

/** Opens a handle on the rules of a namespace. */
export function openMemoryRules(shared: MemoryRules): MemoryRulesHandle {
  const watches = createTextWatches();
  const reported = new Map<string, { readonly service: string; readonly key: string }>();
  let isClosed = false;
  shared.watches.add(watches);
  return {
    rules: {
      watch(service, publish): Watch {
        const watch = watches.add(service, publish);
        if (isClosed) watch.close();
        else watches.offer(service, shared.services.get(service)?.current?.text);
        return watch;
      },
      report(service, key, report) {
        if (isClosed) return;
        const { reports } = serviceOf(shared, service);
        if (report === undefined) reports.delete(key);
        else reports.set(key, report);
        reported.set(`${service} ${key}`, { service, key });
      },
    },
    rulesStore: createMemoryStore(shared),
    close() {
      isClosed = true;
      watches.close();
      shared.watches.delete(watches);
      for (const { service, key } of reported.values()) shared.services.get(service)?.reports.delete(key);
    },
  };
}

/** Changes documents synchronously, so that two changes cannot collide; the version tells a late one. */
export function createMemoryStore(shared: MemoryRules): RulesStore {
  const change = (service: string, expectedVersion: number, next: StoredRules | undefined): void => {
    const rules = serviceOf(shared, service);
    const version = rules.current?.version ?? 0;
    if (version !== expectedVersion) throw rulesConflict(service, expectedVersion, version);
    rules.current = next;
    if (next !== undefined) {
      rules.history = [next, ...rules.history].slice(0, RULES_HISTORY_MAX);
      rules.lastVersion = next.version;
    }
    for (const watches of shared.watches) watches.offer(service, next?.text);
  };
  return {
    get: async (service) => shared.services.get(service)?.current,
    async set(service, document, expectedVersion) {
      assertName('rules: the name of a service', service);
      const { document: checked, text } = nextRules(service, document, serviceOf(shared, service).lastVersion);
      change(service, expectedVersion, storedRules(text));
      return checked;
    },
    history: async (service) => shared.services.get(service)?.history ?? [],
    async reports(service) {
      const reports = [...(shared.services.get(service)?.reports.values() ?? [])];
      return reports.sort((a, b) => (reportKey(a) < reportKey(b) ? -1 : 1));
    },
    delete: async (service, expectedVersion) => change(service, expectedVersion, undefined),
  };
}

function serviceOf(shared: MemoryRules, service: string): ServiceRules {
  let rules = shared.services.get(service);
  if (rules === undefined) {
    rules = { current: undefined, history: [], lastVersion: 0, reports: new Map() };
    shared.services.set(service, rules);
  }
  return rules;
}
