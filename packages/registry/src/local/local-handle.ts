import { basename, join } from 'node:path';
import { rpcError } from '@org/rpc-core/internal';
import type { Instance, Registration, RegistryEnvironment, RegistryHandle, Snapshot, Watch } from '../registry.js';
import { createRounds, type Rounds } from '../rounds.js';
import type { RulesStore } from '../rules-source.js';
import { refusedRegistration } from '../settled-registration.js';
import { createWatchList } from '../watch-list.js';
import { prepareDirectory } from './local-directory.js';
import { createDirectoryWatch, type DirectoryWatch, type WatchDirectory } from './local-directory-watch.js';
import { safeFileName } from './local-entry.js';
import { type Owner, thisProcess } from './local-owner.js';
import { LocalRegistration } from './local-registration.js';
import { createLocalRules, type LocalRules } from './local-rules.js';
import { createRulesPaths } from './local-rules-files.js';
import { createLocalRulesStore } from './local-rules-store.js';
import { createDirectoryScanner, type Scan, type Scanner } from './local-scan.js';
import { sweepNamespaces } from './local-sweep.js';
import { viewOf } from './local-view.js';

/**
 * An open local registry. All its work on files happens in rounds: a round checks the directory, writes the files of the
 * registrations, and reads those of others. A round begins at once when something is asked for, soon after the directory changed,
 * and every half second in any case, because notices of the system get lost and a dying process gives none.
 */
export class LocalHandle implements RegistryHandle {
  readonly rules: LocalRules;
  readonly rulesStore: RulesStore;
  readonly #root: string;
  readonly #directory: string;
  readonly #environment: RegistryEnvironment;
  readonly #owner: Owner = thisProcess();
  readonly #scanner: Scanner;
  readonly #rounds: Rounds;
  readonly #directoryWatch: DirectoryWatch;
  readonly #watches = createWatchList();
  readonly #registrations = new Set<LocalRegistration>();
  /** The last list, `undefined` until there is one. */
  #scan: Scan | undefined;
  #readError: Error | undefined;
  /** Calls of `services()` that wait for a list. */
  #readers = 0;
  #failures = 0;
  #hasSwept = false;
  #closing: Promise<void> | undefined;

  /**
   * @param root - absolute path of the directory of all namespaces
   * @param watch - listens for changes of a directory, default the system's own way
   */
  constructor(root: string, environment: RegistryEnvironment, watch?: WatchDirectory) {
    this.#root = root;
    this.#directory = join(root, safeFileName(environment.namespace));
    this.#environment = environment;
    this.#scanner = createDirectoryScanner({ directory: this.#directory, environment, self: this.#owner });
    const { clock } = environment;
    this.#rounds = createRounds({ clock, run: () => this.#round(), pauseMs: () => this.#pauseMs() });
    const paths = createRulesPaths(this.#directory);
    this.rules = createLocalRules(paths, environment, () => void this.#rounds.request());
    this.rulesStore = createLocalRulesStore(paths, clock);
    this.#directoryWatch = createDirectoryWatch(this.#directory, () => this.#rounds.hint(), watch);
  }

  watch(service: string, publish: (snapshot: Snapshot) => void): Watch {
    const watch = this.#watches.add(service, publish);
    if (this.#closing !== undefined) watch.close();
    else void this.#rounds.request();
    return watch;
  }

  register(instance: Instance): Registration {
    const registration = new LocalRegistration(instance, {
      directory: this.#directory,
      owner: this.#owner,
      clock: this.#environment.clock,
      onEvent: this.#environment.onEvent,
      requestKeep: () => void this.#rounds.request(),
    });
    if (this.#closing !== undefined) return refusedRegistration();
    this.#registrations.add(registration);
    void this.#rounds.request();
    return registration;
  }

  async services(): Promise<readonly string[]> {
    this.#readers++;
    try {
      await this.#rounds.request();
    } finally {
      this.#readers--;
    }
    if (this.#closing !== undefined) throw rpcError('UNAVAILABLE', 'the local registry was closed');
    if (this.#readError !== undefined || this.#scan === undefined) {
      const reason = `the local registry can't be read: ${this.#readError?.message}`;
      throw rpcError('UNAVAILABLE', reason, { cause: this.#readError });
    }
    const live = [...this.#scan.values()].filter(({ state }) => state === 'live');
    return [...new Set(live.flatMap(({ entry }) => entry.instance.services))].sort();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    this.rules.close();
    this.#directoryWatch.close();
    const registrations = [...this.#registrations];
    for (const registration of registrations) void registration.close();
    const finished = Promise.all(registrations.map((registration) => registration.finished));
    const stopped = finished.then(() => this.#rounds.stop()).then(() => this.rules.removeReports());
    // A disk that hangs must not delay the close.
    await new Promise<void>((resolve) => {
      const cancel = this.#environment.clock.schedule(CLOSE_LIMIT_MS, resolve, true);
      void stopped.then(() => {
        cancel();
        resolve();
      });
    });
  }

  async #round(): Promise<void> {
    let failure: Error | undefined;
    try {
      await prepareDirectory(this.#root);
      const mark = await prepareDirectory(this.#directory);
      failure = await this.#keepRegistrations();
      await this.rules.round();
      // Only now: before, its own files would be the first change that it notices.
      if (this.#isWatched) this.#directoryWatch.follow(mark);
    } catch (error) {
      for (const registration of this.#registrations) registration.fail(error as Error);
      this.#forgetClosed();
      this.#readFailed(error as Error);
      return this.#report(error as Error);
    }
    if (this.#isWatched || this.#readers > 0 || this.#scan === undefined) failure = (await this.#read()) ?? failure;
    this.#report(failure);
  }

  async #keepRegistrations(): Promise<Error | undefined> {
    let failure: Error | undefined;
    for (const registration of this.#registrations) {
      try {
        await registration.keep();
      } catch (error) {
        failure ??= error as Error;
      }
    }
    this.#forgetClosed();
    return failure;
  }

  #forgetClosed(): void {
    for (const registration of this.#registrations) {
      if (registration.isFinished) this.#registrations.delete(registration);
    }
  }

  async #read(): Promise<Error | undefined> {
    try {
      const scan = await this.#scanner.scan();
      const before = this.#scan;
      this.#scan = scan;
      this.#readError = undefined;
      for (const service of this.#watches.services()) this.#watches.offer(service, viewOf(service, scan, before));
      await this.#scanner.clean(scan);
      if (!this.#hasSwept) {
        this.#hasSwept = true;
        await sweepNamespaces(this.#root, basename(this.#directory), this.#environment, this.#owner).catch(() => {});
      }
      return undefined;
    } catch (error) {
      this.#readFailed(error as Error);
      return error as Error;
    }
  }

  #readFailed(error: Error): void {
    this.#readError = error;
    this.#watches.offerStale();
  }

  #report(failure: Error | undefined): void {
    const { onEvent } = this.#environment;
    const where = `the local registry in ${this.#directory}`;
    if (failure === undefined) {
      if (this.#failures > 0) onEvent?.({ kind: 'recovered', message: `${where} works again` });
      this.#failures = 0;
      return;
    }
    this.#failures++;
    if (this.#failures > 1) return;
    onEvent?.({ kind: 'unreachable', message: `${where} can't be used: ${failure.message}`, error: failure });
  }

  get #isWatched(): boolean {
    return !this.#watches.services()[Symbol.iterator]().next().done;
  }

  #pauseMs(): number {
    if (!this.#isWatched && this.#registrations.size === 0 && !this.rules.isActive) return Number.POSITIVE_INFINITY;
    if (this.#failures === 0) return POLL_MS;
    const bound = Math.min(BACKOFF_MAX_MS, POLL_MS * 2 ** Math.min(this.#failures, 10));
    return bound * (0.5 + this.#environment.random() / 2);
  }
}

const POLL_MS = 500;
const BACKOFF_MAX_MS = 10_000;
const CLOSE_LIMIT_MS = 1_000;
