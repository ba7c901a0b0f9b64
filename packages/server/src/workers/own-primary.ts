import type { Server, Socket } from 'node:net';
import { randomId } from '@org/rpc-core/internal';
import type { Listener, listenTcp } from '@org/rpc-wire/internal';
import type { CloseOptions } from '../life/drain.js';
import { onSignals } from '../life/signals.js';
import type { ServerState } from '../state.js';
import { MARK, type ToPrimary, type ToWorker, unmarked } from './messages.js';
import { type ObeyingServer, obey } from './orders.js';

/** Where a listener has its connections from, if not from an address of its own. */
export type Bind = NonNullable<Parameters<typeof listenTcp>[4]>;

/** The variable by which a process knows that it is a worker: its number. */
export const WORKER_NUMBER = 'RPC_WORKER';

/** The variable that says whose worker it is, the id of a process: what a worker starts itself is none. */
export const WORKER_PRIMARY = 'RPC_WORKER_OF';

/**
 * The process that watches over this one, seen from a server of a worker: it has the address at which all workers are reached, and gives each
 * what is meant for it.
 */
export class OwnPrimary {
  /** Which worker this is: 1, 2 and so on; one that takes the place of another has a number of its own. */
  readonly number: string;
  readonly #process: NodeJS.Process;
  #alone: { readonly stopMs: number } | undefined;
  /** The order to stop that came right behind the answer to `listen`: in one tick with it, before anybody could hear it. */
  #early: unknown;

  private constructor(own: NodeJS.Process, number: string) {
    this.#process = own;
    this.number = number;
  }

  /** @returns `undefined` where this process is no worker */
  static of(own: NodeJS.Process): OwnPrimary | undefined {
    const number = own.env[WORKER_NUMBER];
    const isWorker = number !== undefined && own.send !== undefined && own.env[WORKER_PRIMARY] === String(own.ppid);
    return isWorker ? new OwnPrimary(own, number) : undefined;
  }

  /**
   * Closes a server when the workers are to stop or their primary is gone: as if SIGTERM had come, which other listeners of the program hear too.
   * @param close - given the times that the primary gives, where it gives some
   * @returns stops listening
   */
  onStop(close: (given: CloseOptions) => Promise<void>): () => void {
    const own = this.#process;
    let given: CloseOptions = {};
    const asked = (message: unknown): void => {
      const told = unmarked<ToWorker>(message);
      if (told?.kind !== 'stop') return;
      const { drainMs, graceMs, reason } = told;
      given = { reason, ...(drainMs === undefined ? {} : { drainMs }), ...(graceMs === undefined ? {} : { graceMs }) };
      own.emit('SIGTERM', 'SIGTERM');
    };
    const gone = (): void => {
      given = { reason: 'the process that watches over this worker is gone' };
      own.emit('SIGTERM', 'SIGTERM');
    };
    // These come to a whole group of processes: the primary tells what follows from them.
    const ignore = (): void => {};
    own.on('message', asked).on('disconnect', gone).on('SIGINT', ignore).on('SIGHUP', ignore);
    const off = onSignals(['SIGTERM'], (signal) => close({ reason: `received ${signal}`, ...given }), true);
    // What has come already would not come again: the worker would serve until it is killed. After `listen` has this function's result.
    if (this.#early !== undefined) queueMicrotask(() => asked(this.#early));
    else if (!own.connected) queueMicrotask(gone);
    return () => {
      off();
      own.off('message', asked).off('disconnect', gone).off('SIGINT', ignore).off('SIGHUP', ignore);
    };
  }

  /** From now on a server follows what is ordered for all workers. @returns ends it */
  obey(server: ObeyingServer): () => void {
    const own = this.#process;
    const hear = (message: unknown): void => {
      const told = unmarked<ToWorker>(message);
      if (told?.kind !== 'order') return;
      const followed = (error: Error | undefined): void =>
        this.tell({ kind: 'followed', order: told.number, error: error?.message });
      obey(server, told.order).then(() => followed(undefined), followed);
    };
    own.on('message', hear);
    this.tell({ kind: 'obeys' });
    return () => void own.off('message', hear);
  }

  /** Says something; nothing when it is gone. */
  tell(message: ToPrimary): void {
    if (this.#process.connected) this.#process.send!({ [MARK]: message }, undefined, undefined, () => {});
  }

  tellState(state: ServerState): void {
    this.tell({ kind: 'state', state });
  }

  /** Whether others are reached at the address of a server that listens at this port. */
  isShared(port: number): boolean {
    return port !== 0 && this.#alone === undefined;
  }

  /**
   * Gives a server its connections from the primary.
   * @param stopMs - how long its stop may take, in milliseconds
   * @param isPrivate - nobody else can have this address
   * @returns `undefined` for a server that listens alone, as at any free port: say by `listens` when it does
   */
  binding(
    instance: string,
    stopMs: number,
    { port, path }: { readonly port: number; readonly path: string | undefined },
    isPrivate: boolean,
  ): Bind | undefined {
    if (isPrivate || (port === 0 && path === undefined)) {
      this.#alone = { stopMs };
      return undefined;
    }
    return async (server, target, onError, onClose) => {
      const { host, connectionsMax } = target;
      const id = randomId();
      const connections = new Connections(server, connectionsMax, onError);
      return this.#share({ kind: 'listen', id, host, port, path, instance, stopMs }, server, connections, onClose);
    };
  }

  /** A server listens; this counts where it does so alone. */
  listens(address: Listener['address']): void {
    if (this.#alone !== undefined) this.tell({ kind: 'alone', address, ...this.#alone });
  }

  #share(
    wish: Extract<ToPrimary, { kind: 'listen' }>,
    server: Server,
    connections: Connections,
    onClose: (() => void) | undefined,
  ): Promise<Listener> {
    const own = this.#process;
    return new Promise((resolve, reject) => {
      const hear = (message: unknown, socket: unknown): void => {
        const told = unmarked<ToWorker>(message);
        if (told?.kind === 'stop') this.#early ??= message;
        if (told === undefined || told.kind === 'stop' || told.kind === 'order' || told.id !== wish.id) return;
        if (told.kind === 'connection') {
          if (socket !== undefined) connections.add(socket as Socket, told.bytes);
          return;
        }
        if (told.kind === 'failed') {
          own.off('message', hear);
          return reject(Object.assign(new Error(told.message), { code: told.code }));
        }
        server.emit('listening');
        const close = async (): Promise<void> => {
          own.off('message', hear);
          this.tell({ kind: 'unlisten', id: wish.id });
          onClose?.();
          connections.close();
        };
        resolve({ address: told.address, gone: connections.gone, close });
      };
      own.on('message', hear);
      this.tell(wish);
    });
  }
}

/** Those that came by messages: a server counts only what it accepts itself. */
class Connections {
  /** Resolves when no more come and the last has closed. */
  readonly gone: Promise<void>;
  readonly #server: Server;
  readonly #max: number;
  readonly #onError: (error: Error) => void;
  #open = 0;
  #isClosed = false;
  #end!: () => void;

  constructor(server: Server, max: number, onError: (error: Error) => void) {
    this.#server = server;
    this.#max = max;
    this.#onError = onError;
    this.gone = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  add(socket: Socket, bytes: Uint8Array): void {
    if (this.#open >= this.#max) {
      this.#onError(new Error(`refused a connection, ${this.#max} are open (limits.connections)`));
      socket.destroy();
      return;
    }
    this.#open++;
    socket.once('close', () => {
      this.#open--;
      this.#checkEnd();
    });
    // As those that a server accepts itself.
    socket.allowHalfOpen = true;
    if (bytes.length > 0) socket.unshift(bytes);
    this.#server.emit('connection', socket);
  }

  close(): void {
    this.#isClosed = true;
    this.#checkEnd();
  }

  #checkEnd(): void {
    if (this.#isClosed && this.#open === 0) this.#end();
  }
}
