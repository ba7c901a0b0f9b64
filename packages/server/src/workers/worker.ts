import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { FrontDoor } from '@org/rpc-wire/internal';
import type { ServerState, WorkerStatus } from '../state.js';
import { MARK, type Order, type ToPrimary, type ToWorker, unmarked } from './messages.js';

/** How a worker ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The place of a server of a worker at an address. */
export interface WorkerShare {
  readonly address: { readonly host: string; readonly port: number; readonly path?: string | undefined };
  /** It wants no more connections. */
  leave(): void;
}

/** A server of a worker, as an address sees it. */
export type Member = Parameters<FrontDoor['add']>[0];

/** What a worker asks of whoever watches over it. */
export interface WorkerHost {
  /** It wants its share of an address. @throws Error when that cannot be had */
  listen(worker: Worker, message: Extract<ToPrimary, { kind: 'listen' }>, member: Member): Promise<WorkerShare>;
  /** It follows orders from now on, and has to be told of those before. */
  obeys(worker: Worker): void;
}

/** How long a worker has to end by itself where it has not said, in milliseconds. */
const STOP_MS = 30_000;

/** A process that serves, from its start to its end, as its primary sees it. */
export class Worker {
  readonly number: number;
  readonly pid: number | undefined;
  /** Resolves when a server of it listens; never when it ends before. */
  readonly listening: Promise<void>;
  /** Resolves when a server of it is in the registry. */
  readonly registered: Promise<void>;
  readonly exited: Promise<WorkerExit>;
  readonly #child: ChildProcess;
  readonly #host: WorkerHost;
  readonly #shares = new Map<string, WorkerShare>();
  readonly #states = new Map<string, ServerState>();
  /** Orders that it has not answered, by number: what is called then, with why not. */
  readonly #orders = new Map<number, (error: string | undefined) => void>();
  #lastOrder = 0;
  #obeys = false;
  #status: WorkerStatus = 'starting';
  #stopMs = 0;
  #address: WorkerShare['address'] | undefined;
  #onListening!: () => void;
  #onRegistered!: () => void;

  constructor(number: number, child: ChildProcess, host: WorkerHost) {
    this.number = number;
    this.pid = child.pid;
    this.#child = child;
    this.#host = host;
    this.listening = new Promise((resolve) => {
      this.#onListening = resolve;
    });
    this.registered = new Promise((resolve) => {
      this.#onRegistered = resolve;
    });
    child.on('message', (message) => {
      const told = unmarked<ToPrimary>(message);
      if (told !== undefined) this.#hear(told);
    });
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#status = 'ended';
        for (const followed of this.#orders.values()) followed(undefined);
        this.#orders.clear();
        for (const share of this.#shares.values()) share.leave();
        this.#shares.clear();
        resolve({ code, signal });
      };
      child.once('exit', end);
      // It could not be started, or, later, not be told something: then its end tells all there is.
      child.on('error', () => child.pid === undefined && end(1, null));
    });
  }

  get status(): WorkerStatus {
    return this.#status;
  }

  /** Where the first of its servers listens. */
  get address(): WorkerShare['address'] | undefined {
    return this.#address;
  }

  /** How its servers did when they last said so. */
  get states(): readonly ServerState[] {
    return [...this.#states.values()];
  }

  /** How long it may take to stop, by what its servers say, in milliseconds. */
  get stopMs(): number {
    return this.#stopMs === 0 ? STOP_MS : this.#stopMs;
  }

  /** Asks it to stop in order. Idempotent. */
  stop(times: Omit<Extract<ToWorker, { kind: 'stop' }>, 'kind'>): void {
    // One that is still starting would not hear it.
    if (this.#status === 'starting') this.kill();
    if (this.#status === 'serving') this.#tell({ kind: 'stop', ...times });
    if (this.#status !== 'ended') this.#status = 'stopping';
  }

  /**
   * Orders something of its server. One that does not follow orders yet hears of it when it does; of one that stops or has ended nothing is
   * wanted any more.
   * @returns resolves when it is done
   * @throws Error when it could not be done
   */
  order(order: Order): Promise<void> {
    if (!this.#obeys || this.#status === 'stopping' || this.#status === 'ended') return Promise.resolve();
    const number = ++this.#lastOrder;
    return new Promise((resolve, reject) => {
      this.#orders.set(number, (error) => (error === undefined ? resolve() : reject(new Error(error))));
      this.#tell({ kind: 'order', number, order });
    });
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(message: ToPrimary): void {
    switch (message.kind) {
      case 'listen':
        void this.#listen(message);
        break;
      case 'alone':
        this.#served(message.stopMs, message.address);
        break;
      case 'unlisten':
        this.#shares.get(message.id)?.leave();
        this.#shares.delete(message.id);
        break;
      case 'obeys':
        this.#obeys = true;
        this.#host.obeys(this);
        break;
      case 'followed':
        this.#orders.get(message.order)?.(message.error);
        this.#orders.delete(message.order);
        break;
      case 'registered':
        this.#onRegistered();
        break;
      case 'state':
        this.#states.set(message.state.instance, message.state);
        break;
    }
  }

  async #listen(message: Extract<ToPrimary, { kind: 'listen' }>): Promise<void> {
    const { id, instance, stopMs } = message;
    const take = (socket: Socket, bytes: Buffer): void => {
      const told: ToWorker = { kind: 'connection', id, bytes };
      // Without a word when the worker has just ended.
      this.#child.send({ [MARK]: told }, socket, (error) => {
        if (error !== null) socket.destroy();
      });
    };
    try {
      const share = await this.#host.listen(this, message, { instance, take });
      this.#shares.set(id, share);
      this.#tell({ kind: 'listening', id, address: share.address });
      this.#served(stopMs, share.address);
    } catch (error) {
      const { message: text, code } = error as NodeJS.ErrnoException;
      this.#tell({ kind: 'failed', id, message: text, code });
    }
  }

  #served(stopMs: number, address: WorkerShare['address']): void {
    this.#address ??= address;
    this.#stopMs = Math.max(this.#stopMs, stopMs);
    if (this.#status === 'starting') this.#status = 'serving';
    this.#onListening();
  }

  #tell(message: ToWorker): void {
    if (this.#child.connected) this.#child.send({ [MARK]: message }, () => {});
  }
}
