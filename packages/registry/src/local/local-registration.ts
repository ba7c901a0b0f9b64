import { join } from 'node:path';
import type { Cancel, Clock } from '@org/rpc-core';
import { randomId, rpcError } from '@org/rpc-core/internal';
import { readInstance } from '../endpoint-data.js';
import type { Instance, Registration, RegistrationState, RegistryEvent } from '../registry.js';
import { decodeEntry, encodeEntry, entryFileName } from './local-entry.js';
import { isExhausted, readWhole, writeWhole } from './local-files.js';
import { isRunning, type Owner } from './local-owner.js';

/** What a registration needs of its handle. */
export interface LocalRegistrationOptions {
  readonly directory: string;
  readonly owner: Owner;
  readonly clock: Clock;
  readonly onEvent: ((event: RegistryEvent) => void) | undefined;
  /** Asks for {@link LocalRegistration.keep} to be called soon. */
  readonly requestKeep: () => void;
}

/**
 * Keeps the file of one instance as it should be until the registration is closed. It does nothing by itself: its handle calls
 * `keep` in its rounds, never twice at once.
 */
export class LocalRegistration implements Registration {
  readonly registered: Promise<void>;
  readonly #options: LocalRegistrationOptions;
  readonly #name: string;
  readonly #token = randomId();
  #instance: Instance;
  #state: RegistrationState = { status: 'pending', error: undefined };
  /** What the file should say. */
  #text: string;
  /** What was written last; `undefined` before the first write. */
  #written: string | undefined;
  /** Another running owner has written the same id later and keeps it until it leaves; otherwise the two would fight for ever. */
  #isOvertaken = false;
  #isClosing = false;
  /** Resolves when nothing is left to be written: the goodbye was written or could not be. */
  readonly finished: Promise<void>;
  #isFinished = false;
  #resolveFinished!: () => void;
  readonly #closed: Promise<void>;
  #cancelCloseLimit: Cancel | undefined;
  #resolveClosed!: () => void;
  #resolveRegistered!: () => void;
  #rejectRegistered!: (error: Error) => void;
  #updates: (() => void)[] = [];

  /** @throws TypeError when the instance is wrong, or too large for a file */
  constructor(given: Instance, options: LocalRegistrationOptions) {
    this.#options = options;
    this.#instance = readInstance('register', given);
    this.#name = entryFileName(this.#instance.endpoint.id);
    this.#text = this.#encode(this.#instance, false);
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.finished = new Promise((resolve) => {
      this.#resolveFinished = resolve;
    });
    this.registered = new Promise((resolve, reject) => {
      this.#resolveRegistered = resolve;
      this.#rejectRegistered = reject;
    });
    // Nobody may listen, and an unhandled rejection would end the process.
    this.registered.catch(() => {});
  }

  state(): RegistrationState {
    return this.#state;
  }

  async update(given: Instance): Promise<void> {
    const instance = readInstance('update', given);
    const { id } = this.#instance.endpoint;
    if (instance.endpoint.id !== id) throw new TypeError(`update: the id of an instance can't change from "${id}"`);
    if (this.#isClosing) return;
    this.#text = this.#encode(instance, false);
    this.#instance = instance;
    const written = new Promise<void>((resolve) => {
      this.#updates.push(resolve);
    });
    this.#options.requestKeep();
    return written;
  }

  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#cancelCloseLimit = this.#options.clock.schedule(CLOSE_LIMIT_MS, () => this.#endClose(), true);
      this.#options.requestKeep();
    }
    return this.#closed;
  }

  /**
   * Makes the file say what it should: the entry, or the goodbye when the registration is being closed.
   * @throws Error when it can't be written now
   */
  async keep(): Promise<void> {
    if (this.#isFinished) return;
    try {
      if (!this.#isClosing) return await this.#mend();
      await this.#sayGoodbye();
      this.#finish();
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
  }

  /** Whether there is nothing left to keep. */
  get isFinished(): boolean {
    return this.#isFinished;
  }

  /** Says that nothing can be written now. A close does not wait until it can. */
  fail(error: Error): void {
    if (this.#isClosing) this.#finish();
    else this.#state = { status: 'pending', error };
  }

  async #mend(): Promise<void> {
    const found = await this.#read();
    if (this.#written !== undefined && this.#isOvertakenBy(found)) return this.#stepBack();
    if (found === this.#text) return this.#settle();
    const { id } = this.#instance.endpoint;
    const wasLost = this.#written !== undefined && found !== this.#written && !this.#isOvertaken;
    if (wasLost)
      this.#report('lost', `the file of instance "${id}" was ${found === undefined ? 'deleted' : 'changed'}`);
    const isMended =
      wasLost || this.#isOvertaken || (this.#state.status === 'pending' && this.#state.error !== undefined);
    const text = this.#text;
    await writeWhole(this.#options.directory, this.#name, text);
    this.#written = text;
    if (isMended) this.#report('registered', `instance "${id}" was entered anew`);
    // An update that came during the write has asked for another round.
    if (text === this.#text) this.#settle();
  }

  #settle(): void {
    if (this.#state.status === 'closed') return;
    this.#isOvertaken = false;
    this.#state = { status: 'registered' };
    this.#resolveRegistered();
    this.#settleUpdates();
  }

  #stepBack(): void {
    const message = `another instance was registered with the id "${this.#instance.endpoint.id}"; it keeps it until it leaves`;
    if (!this.#isOvertaken) this.#report('conflict', message);
    this.#isOvertaken = true;
    this.#state = { status: 'pending', error: new Error(message) };
  }

  async #sayGoodbye(): Promise<void> {
    if (this.#written === undefined || this.#isOvertakenBy(await this.#read())) return;
    await writeWhole(this.#options.directory, this.#name, this.#encode(this.#instance, true));
  }

  /** Whether this is the entry of another running owner of the same id. */
  #isOvertakenBy(found: string | undefined): boolean {
    if (found === undefined) return false;
    try {
      const { token, left, owner } = decodeEntry(Buffer.from(found));
      return token !== this.#token && !left && owner.machine === this.#options.owner.machine && isRunning(owner);
    } catch {
      return false;
    }
  }

  async #read(): Promise<string | undefined> {
    const path = join(this.#options.directory, this.#name);
    const bytes = await readWhole(path).catch((error: unknown) => {
      if (isExhausted(error)) throw error;
      // A file that can't be read is not the one that was written, and is replaced.
      return Buffer.alloc(0);
    });
    return bytes?.toString();
  }

  #encode(instance: Instance, left: boolean): string {
    return encodeEntry({ instance, owner: this.#options.owner, token: this.#token, left });
  }

  #finish(): void {
    this.#isFinished = true;
    this.#endClose();
    this.#resolveFinished();
  }

  /** Ends all waits. When the time for a close is up, the goodbye is still written if the process lives on. */
  #endClose(): void {
    if (this.#state.status === 'closed') return;
    this.#state = { status: 'closed' };
    this.#cancelCloseLimit?.();
    const { id } = this.#instance.endpoint;
    this.#rejectRegistered(rpcError('CANCELLED', `the registration of "${id}" was closed before it was written`));
    this.#settleUpdates();
    this.#resolveClosed();
  }

  #settleUpdates(): void {
    const updates = this.#updates;
    this.#updates = [];
    for (const resolve of updates) resolve();
  }

  #report(kind: RegistryEvent['kind'], message: string): void {
    this.#options.onEvent?.({ kind, message });
  }
}

/** What a leaving server waits at most for the file system. */
const CLOSE_LIMIT_MS = 1_000;
