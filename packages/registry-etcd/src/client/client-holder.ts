import type { Cancel, Clock, Random } from '@org/rpc-core';
import {
  asEtcdError,
  type ConnectEtcd,
  EtcdError,
  type EtcdErrorKind,
  type EtcdPort,
  type EtcdWatch,
  type KeyRange,
  type WatchListener,
  type WatchRequest,
} from './etcd-port.js';
import { Revival } from './revival.js';

/** A call on whatever connection is the current one. */
export type PortCall<T> = (port: EtcdPort, deadlineMs: number) => Promise<T>;

/**
 * Holds the one connection of a handle. A connection that is unreachable or does not answer is dropped, and the next call opens a
 * new one to the next host. It retries nothing: the backoff of its callers and of {@link ClientHolder.retry} bounds how often a
 * connection is opened.
 */
export class ClientHolder {
  readonly #connect: ConnectEtcd;
  readonly #hosts: readonly string[];
  readonly #clock: Clock;
  #turn: number;
  #port: Promise<EtcdPort> | undefined;
  readonly #calls = new Set<(error: EtcdError) => void>();
  /** Wakes those who wait for an etcd that was silent. */
  readonly #revival: Revival;
  /** Wakes those who wait for an etcd that refused. */
  readonly #admission: Revival;
  #closed = false;

  /**
   * @param hosts - the first one is chosen at random, so that many clients spread over them
   * @param needed - what this client must be allowed to read
   */
  constructor(
    connect: ConnectEtcd,
    hosts: readonly string[],
    clock: Clock,
    random: Random,
    needed: KeyRange = NOTHING,
  ) {
    this.#connect = connect;
    this.#hosts = hosts;
    this.#clock = clock;
    this.#turn = Math.floor(random() * hosts.length);
    this.#revival = new Revival({ probe: async () => !isSilence(await this.#read(NOTHING)), clock, random });
    const isAdmitted = async (): Promise<boolean> => (await this.#read(needed)) === undefined;
    this.#admission = new Revival({ probe: isAdmitted, mustFailFirst: true, clock, random });
  }

  /**
   * Makes a call on the current connection.
   *
   * The deadline is kept on the monotonic clock too: gRPC keeps it on the wall clock, which jumps, and npm etcd3 has waits
   * that no deadline ends.
   * @throws EtcdError and nothing else
   */
  async call<T>(deadlineMs: number, run: PortCall<T>): Promise<T> {
    if (this.#closed) throw CLOSED();
    const port = this.#current();
    try {
      return await this.#guard(
        deadlineMs,
        port.then((opened) => run(opened, deadlineMs)),
      );
    } catch (thrown) {
      const error = asEtcdError(thrown);
      this.#judge(port, error);
      throw error;
    }
  }

  /** Starts a watch on the current connection. It ends, like any watch, when that connection is replaced. */
  watch(request: WatchRequest, listener: WatchListener): EtcdWatch {
    const port = this.#current();
    let watch: EtcdWatch | undefined;
    let closed = false;
    const onEnd = (error: EtcdError): void => {
      if (closed) return;
      closed = true;
      this.#judge(port, error);
      listener.onEnd(error);
    };
    port.then(
      (opened) => {
        if (!closed) watch = opened.watch(request, { ...listener, onEnd });
      },
      (thrown) => onEnd(asEtcdError(thrown)),
    );
    return {
      close() {
        closed = true;
        watch?.close();
      },
    };
  }

  /**
   * Schedules another try after a call that failed: after `delayMs` at the latest, and sooner when a silent etcd answers again or
   * a refusing one admits. A wrong password waits the whole time: each try costs etcd much.
   */
  retry({ kind }: EtcdError, delayMs: number, run: () => void): Cancel {
    if (isSilence(kind)) return this.#revival.schedule(delayMs, run);
    if (kind === 'denied') return this.#admission.schedule(delayMs, run);
    return this.#clock.schedule(delayMs, run, true);
  }

  /** Ends all watches and calls and drops the connection. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#revival.close();
    this.#admission.close();
    for (const fail of [...this.#calls]) fail(CLOSED());
    if (this.#port !== undefined) dispose(this.#port);
    this.#port = undefined;
  }

  #current(): Promise<EtcdPort> {
    if (this.#closed) return Promise.reject(CLOSED());
    this.#port ??= this.#connect(this.#hosts[this.#turn % this.#hosts.length]!).catch((error: unknown) => {
      throw new EtcdError('unavailable', `cannot make a client of etcd: ${asEtcdError(error).message}`);
    });
    return this.#port;
  }

  /** Reads as little of a range as possible. Resolves with the kind of the error, `undefined` for none. */
  async #read(range: KeyRange): Promise<EtcdErrorKind | undefined> {
    try {
      const request = { ...range, limit: 1, keysOnly: true };
      await this.call(PROBE_DEADLINE_MS, (port, deadlineMs) => port.range(request, deadlineMs));
      return undefined;
    } catch (thrown) {
      return asEtcdError(thrown).kind;
    }
  }

  #judge(port: Promise<EtcdPort>, { kind }: EtcdError): void {
    // A call that fails late on a connection that was already replaced says nothing about the new one.
    if (this.#port !== port) return;
    if (!isSilence(kind)) return;
    this.#port = undefined;
    this.#turn++;
    dispose(port);
  }

  #guard<T>(deadlineMs: number, call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => undefined;
      const end = (): void => {
        cancel();
        this.#calls.delete(fail);
      };
      const fail = (error: unknown): void => {
        end();
        reject(error);
      };
      const expire = (): void => fail(new EtcdError('deadline', `etcd did not answer within ${deadlineMs} ms`));
      cancel = this.#clock.schedule(deadlineMs + GRACE_MS, expire, true);
      this.#calls.add(fail);
      call.then((value) => {
        end();
        resolve(value);
      }, fail);
    });
  }
}

/** How much earlier the deadline of gRPC is than ours, in milliseconds: its error tells more. */
const GRACE_MS = 100;

/** The deadline of a read that only asks whether etcd answers, in milliseconds. */
const PROBE_DEADLINE_MS = 3_000;

/** A key that does not exist. Reading it still needs a quorum of the members, which is what is tested. */
const NOTHING: KeyRange = Object.freeze({ key: '\0' });

function isSilence(kind: EtcdErrorKind | undefined): boolean {
  return kind === 'deadline' || kind === 'unavailable';
}

const CLOSED = (): EtcdError => new EtcdError('unavailable', 'this registry was closed');

function dispose(port: Promise<EtcdPort>): void {
  port.then(
    (opened) => opened.close(),
    () => undefined,
  );
}
