import { RULES_BYTES_MAX } from '@org/rpc-core/internal';
import type { RulesSource } from '@org/rpc-registry';
import { createTextWatches } from '@org/rpc-registry/internal';
import type { EtcdError } from '../client/etcd-port.js';
import { Reflector, type ReflectorEnvironment } from '../reflector/reflector.js';
import { describeLost, type Report } from '../report.js';
import type { RulesKeys } from './rules-keys.js';
import type { RulesReporter } from './rules-reporter.js';

/** What following rules works with. */
export interface EtcdRulesEnvironment extends ReflectorEnvironment {
  readonly rulesKeys: RulesKeys;
  readonly report: Report;
}

/** The rules of a handle as clients follow them, and what ends it. */
export interface EtcdRules extends RulesSource {
  /** Ends all watches. Idempotent. */
  close(): void;
}

interface Followed {
  readonly reflector: Reflector;
  /** What etcd held last; `undefined` before the first answer. */
  known: { readonly text: string | undefined } | undefined;
}

/** Follows the documents of services, each by one watch however many ask for it. */
export function createEtcdRules(environment: EtcdRulesEnvironment, reporter: RulesReporter): EtcdRules {
  const watches = createTextWatches();
  const followed = new Map<string, Followed>();
  let isClosed = false;

  const follow = (service: string): Followed => {
    const key = environment.rulesKeys.current(service);
    let isDenied = false;
    const sink = {
      reflect: ({ entries }: { readonly entries: ReadonlyMap<string, { readonly value: Uint8Array }> }) => {
        const text = textOf(entries.get(key)?.value);
        entry.known = { text };
        watches.offer(service, text);
      },
      failed: (error: EtcdError) => {
        // Whether etcd can be reached at all, the watch of the instances tells already.
        if (error.kind !== 'denied' || isDenied) return;
        isDenied = true;
        const message = `the rules of ${service} are not followed: ${error.message}`;
        environment.report({ kind: 'invalidEntry', message, service, error });
      },
      lost: (keys: readonly string[]) =>
        environment.report({ kind: 'lost', message: describeLost(`the rules of ${service}`, keys), service }),
    };
    // The watch of the instances finds out as well when etcd has gone silent.
    const timing = { ...environment.timing, watchdogMs: environment.timing.resyncMs };
    const entry: Followed = { reflector: new Reflector({ key }, sink, { ...environment, timing }), known: undefined };
    entry.reflector.start();
    return entry;
  };

  return {
    watch(service, publish) {
      const watch = watches.add(service, publish);
      if (isClosed) {
        watch.close();
        return watch;
      }
      const entry = followed.get(service) ?? follow(service);
      followed.set(service, entry);
      if (entry.known !== undefined) watches.offer(service, entry.known.text);
      return {
        close() {
          watch.close();
          if (watches.has(service) || followed.get(service) !== entry) return;
          followed.delete(service);
          entry.reflector.close();
        },
      };
    },
    report(service, instance, report) {
      if (!isClosed) reporter.report(service, instance, report);
    },
    close() {
      isClosed = true;
      watches.close();
      for (const { reflector } of followed.values()) reflector.close();
      followed.clear();
    },
  };
}

/** What is far too long is cut: it is refused all the same, and need not be decoded as a whole. */
function textOf(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value.subarray(0, RULES_BYTES_MAX + 1)).toString();
}
