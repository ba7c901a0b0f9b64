import type { Cancel } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { readInstance } from '../endpoint-data.js';
import type { Instance, Registration, RegistryEnvironment, RegistryHandle, Snapshot, Watch } from '../registry.js';
import { refusedRegistration, writtenRegistration } from '../settled-registration.js';
import { createWatchList, type ServiceView } from '../watch-list.js';
import type { DnsAnswer } from './dns-host.js';
import type { DnsResolver } from './dns-resolver.js';
import { DNS_ADDRESSES_MAX, type DnsList, type DnsQuestion, DnsRounds } from './dns-round.js';

/** What a handle looks up, and how. */
export interface DnsSettings {
  readonly question: DnsQuestion;
  /** For events: `dns://users.prod.svc:4399`. */
  readonly display: string;
  /** The longest pause between two look-ups, in milliseconds. */
  readonly refreshMs: number;
  /** Of each question, in milliseconds. */
  readonly timeoutMs: number;
  /** Makes a resolver. A new one is made after each failure, so that changed settings of the system are seen. */
  readonly openResolver: () => DnsResolver;
}

/** Looks a name up again and again while somebody watches, and publishes the result to all watches. */
export class DnsHandle implements RegistryHandle {
  readonly #settings: DnsSettings;
  readonly #environment: RegistryEnvironment;
  readonly #rounds: DnsRounds;
  readonly #watches = createWatchList();
  #resolver: DnsResolver | undefined;
  /** What was found last; `undefined` as long as nothing is known. */
  #view: ServiceView | undefined;
  #running = false;
  #cancelNext: Cancel | undefined;
  #failures = 0;
  /** The failure that was reported last; `undefined` when all is well. */
  #told: string | undefined;
  #ignoredTold = false;
  #closed = false;

  constructor(settings: DnsSettings, environment: RegistryEnvironment) {
    this.#settings = settings;
    this.#environment = environment;
    this.#rounds = new DnsRounds(settings.question, environment.clock, settings.timeoutMs);
  }

  watch(service: string, publish: (snapshot: Snapshot) => void): Watch {
    const watch = this.#watches.add(service, publish);
    if (this.#closed) watch.close();
    else {
      if (this.#view !== undefined) this.#watches.offer(service, this.#view);
      // During a pause the last list is recent enough for this watch, too.
      if (this.#cancelNext === undefined) void this.#round();
    }
    return {
      close: () => {
        watch.close();
        if (this.#isIdle()) this.#pause();
      },
    };
  }

  register(instance: Instance): Registration {
    readInstance('register', instance);
    return this.#closed ? refusedRegistration() : writtenRegistration();
  }

  async services(): Promise<readonly string[]> {
    throw rpcError('UNIMPLEMENTED', 'DNS gives the addresses of a name and does not know which services they have');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watches.close();
    this.#pause();
    this.#resolver?.cancel();
  }

  #isIdle(): boolean {
    return this.#watches.services()[Symbol.iterator]().next().done === true;
  }

  #pause(): void {
    this.#cancelNext?.();
    this.#cancelNext = undefined;
  }

  /** One look-up and the pause after it. Never rejects. */
  async #round(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#resolver ??= this.#settings.openResolver();
    const answer = await this.#rounds.ask(this.#resolver);
    this.#running = false;
    if (this.#closed) return;
    const pauseMs = this.#take(answer);
    this.#pause();
    if (this.#isIdle()) return;
    const next = (): void => {
      this.#cancelNext = undefined;
      void this.#round();
    };
    this.#cancelNext = this.#environment.clock.schedule(pauseMs, next, true);
  }

  /** @returns the milliseconds until the next look-up */
  #take(answer: DnsAnswer<DnsList>): number {
    const { refreshMs } = this.#settings;
    const { random } = this.#environment;
    if (answer.kind === 'found') {
      const { endpoints, ttlSeconds, ignored } = answer.value;
      this.#failures = 0;
      this.#offer({ endpoints, reasonOf: () => 'unknown' });
      this.#tellGood(ignored);
      const keptMs = Math.max(TTL_MIN_MS, (ttlSeconds ?? Number.POSITIVE_INFINITY) * 1_000);
      return Math.min(refreshMs, keptMs) * (1 + JITTER * random());
    }
    this.#tellBad(answer);
    const { endpoints = [] } = this.#view ?? {};
    const hasList = [...endpoints].length > 0;
    // "No such name" is an answer, but a mistake in a zone must not remove servers that run.
    if (hasList || (answer.kind === 'failed' && this.#view !== undefined)) {
      this.#offer({ endpoints, reasonOf: () => 'unknown', fresh: false });
    } else if (answer.kind === 'absent') {
      this.#offer({ endpoints: [], reasonOf: () => 'unknown' });
    }
    if (answer.kind === 'failed') {
      this.#resolver?.cancel();
      this.#resolver = undefined;
    }
    const boundMs = Math.min(refreshMs, BACKOFF_BASE_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, FAILURES_MAX);
    return Math.max(BACKOFF_MIN_MS, random() * boundMs);
  }

  #offer(view: ServiceView): void {
    this.#view = view;
    for (const service of [...this.#watches.services()]) this.#watches.offer(service, view);
  }

  #tellGood(ignored: number): void {
    const { display } = this.#settings;
    if (this.#told !== undefined) {
      this.#told = undefined;
      this.#environment.onEvent?.({ kind: 'recovered', message: `${display}: DNS gives addresses again` });
    }
    if (ignored > 0 && !this.#ignoredTold) {
      const message = `${display}: more than ${DNS_ADDRESSES_MAX} addresses; ${ignored} are ignored`;
      this.#environment.onEvent?.({ kind: 'invalidEntry', message });
    }
    this.#ignoredTold = ignored > 0;
  }

  /** Reports each kind of failure once, however often it is tried. */
  #tellBad(answer: Exclude<DnsAnswer<DnsList>, { kind: 'found' }>): void {
    if (this.#told === answer.kind) return;
    this.#told = answer.kind;
    const { display } = this.#settings;
    const event =
      answer.kind === 'absent'
        ? { message: `${display}: DNS knows no address for this name` }
        : { message: `${display}: ${answer.error.message}`, error: answer.error };
    this.#environment.onEvent?.({ kind: 'unreachable', ...event });
  }
}

/** A time to live of 0 does not make us ask more often than this. */
const TTL_MIN_MS = 1_000;
/** Spreads clients that began together. It only makes the pause longer, because an answer stays the same for its time to live. */
const JITTER = 0.2;
/** Full jitter under a bound that doubles up to the usual pause: M. Brooker, "Exponential Backoff And Jitter", AWS 2015. */
const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MIN_MS = 100;
const FAILURES_MAX = 20;
