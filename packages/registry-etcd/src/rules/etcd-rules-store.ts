import { isRpcError, type RpcError } from '@org/rpc-core';
import { assertName, nextRules, RULES_HISTORY_MAX, rpcError, rulesConflict, storedRules } from '@org/rpc-core/internal';
import type { RulesReport, RulesStore, StoredRules } from '@org/rpc-registry';
import { parseReport } from '@org/rpc-registry/internal';
import type { ClientHolder } from '../client/client-holder.js';
import { asEtcdError, type KeyRange, type KeyValue } from '../client/etcd-port.js';
import { listRange, type RangeList } from '../reflector/list-range.js';
import type { EtcdTiming } from '../timing.js';
import type { RulesKeys } from './rules-keys.js';

/** The most reports that are read of a service. */
const REPORTS_MAX = 10_000;

/** What reading and writing rules works with. */
export interface RulesStoreEnvironment {
  readonly holder: ClientHolder;
  readonly rulesKeys: RulesKeys;
  readonly timing: EtcdTiming;
}

interface Current {
  readonly stored: StoredRules | undefined;
  /** 0 when there is none. */
  readonly modRevision: number;
}

/** Changes the documents of services; each change is one transaction, so that of two who race one hears of it. */
export class EtcdRulesStore implements RulesStore {
  readonly #environment: RulesStoreEnvironment;

  constructor(environment: RulesStoreEnvironment) {
    this.#environment = environment;
  }

  async get(service: string): Promise<StoredRules | undefined> {
    return (await told(service, 'read', this.#current(service))).stored;
  }

  async set(service: string, document: unknown, expectedVersion: number): ReturnType<RulesStore['set']> {
    assertName('rules: the name of a service', service);
    const { rulesKeys: keys } = this.#environment;
    const current = await told(service, 'read', this.#current(service));
    const kept = await told(service, 'read', this.#list(keys.history(service), true));
    assertVersion(service, current, expectedVersion);
    const versions = [...kept.entries.keys()].map((key) => keys.versionOf(service, key));
    const next = nextRules(service, document, Math.max(expectedVersion, ...versions));
    const currentKey = keys.current(service);
    const historyKey = keys.version(service, next.document.version);
    const transaction = {
      // Also the new entry of the history: a document may have been set and deleted since it was read.
      expected: [
        { key: currentKey, modRevision: current.modRevision },
        { key: historyKey, modRevision: 0 },
      ],
      puts: [
        { key: currentKey, value: next.text },
        { key: historyKey, value: next.text },
      ],
      deletes: [...kept.entries.keys()].slice(0, Math.max(0, kept.entries.size - RULES_HISTORY_MAX + 1)),
    };
    transaction.deletes.length = Math.min(transaction.deletes.length, DELETES_MAX);
    await told(service, 'write', this.#transact(service, transaction, expectedVersion, next.text));
    return next.document;
  }

  async history(service: string): Promise<readonly StoredRules[]> {
    const list = await told(service, 'read', this.#list(this.#environment.rulesKeys.history(service)));
    const newest = [...list.entries.values()].reverse().slice(0, RULES_HISTORY_MAX);
    return newest.map((entry) => storedRules(textOf(entry)));
  }

  async reports(service: string): Promise<readonly RulesReport[]> {
    const { rulesKeys: keys } = this.#environment;
    const list = await told(service, 'read', this.#list(keys.reports(service)));
    const reports: RulesReport[] = [];
    for (const entry of list.entries.values()) {
      const report = parseReport(textOf(entry));
      // Nobody speaks for another one.
      if (report !== undefined && keys.reporterOf(service, entry.key) === reporterIn(report)) reports.push(report);
      if (reports.length >= REPORTS_MAX) break;
    }
    return reports.sort((a, b) => (reporterIn(a) < reporterIn(b) ? -1 : 1));
  }

  async delete(service: string, expectedVersion: number): Promise<void> {
    const current = await told(service, 'read', this.#current(service));
    assertVersion(service, current, expectedVersion);
    if (current.modRevision === 0) return;
    const key = this.#environment.rulesKeys.current(service);
    const transaction = { expected: [{ key, modRevision: current.modRevision }], puts: [], deletes: [key] };
    await told(service, 'delete', this.#transact(service, transaction, expectedVersion, undefined));
  }

  /** Without an answer it is not known whether it was done; what is there then tells. */
  async #transact(
    service: string,
    transaction: Parameters<Parameters<Parameters<ClientHolder['call']>[1]>[0]['transact']>[0],
    expectedVersion: number,
    text: string | undefined,
  ): Promise<void> {
    const { holder, timing } = this.#environment;
    try {
      const isDone = await holder.call(timing.callDeadlineMs, (port, deadlineMs) =>
        port.transact(transaction, deadlineMs),
      );
      if (isDone) return;
    } catch (thrown) {
      const error = asEtcdError(thrown);
      if (error.kind !== 'deadline' && error.kind !== 'unavailable') throw error;
      const now = await this.#current(service);
      if (now.stored?.text === text) return;
      if (now.modRevision === transaction.expected[0]!.modRevision) throw error;
    }
    throw rulesConflict(service, expectedVersion, (await this.#current(service)).stored?.version ?? 0);
  }

  async #current(service: string): Promise<Current> {
    const { entries } = await this.#list({ key: this.#environment.rulesKeys.current(service) });
    const entry = entries.values().next().value;
    return { stored: entry && storedRules(textOf(entry)), modRevision: entry?.modRevision ?? 0 };
  }

  #list(range: KeyRange, keysOnly = false): Promise<RangeList> {
    const { holder, timing } = this.#environment;
    return listRange(
      range,
      (request) => holder.call(timing.callDeadlineMs, (port, deadlineMs) => port.range(request, deadlineMs)),
      { keysOnly },
    );
  }
}

/** Under which name a report is kept: of a client its name and its process. */
function reporterIn({ instance, process }: RulesReport): string {
  return process === undefined ? instance : `${instance}@${process}`;
}

/** Old entries that one change removes at most: there is one each time, unless somebody has meddled. */
const DELETES_MAX = 100;

function assertVersion(service: string, { stored }: Current, expectedVersion: number): void {
  const version = stored?.version ?? 0;
  if (version !== expectedVersion) throw rulesConflict(service, expectedVersion, version);
}

function textOf({ value }: KeyValue): string {
  return Buffer.from(value).toString();
}

/** Whatever etcd says becomes an error of a call that was not possible. */
async function told<T>(service: string, verb: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (isRpcError(thrown)) throw thrown;
    const cause = asEtcdError(thrown);
    throw rpcError('UNAVAILABLE', `cannot ${verb} the rules of "${service}": ${cause.message}`, { cause }) as RpcError;
  }
}
