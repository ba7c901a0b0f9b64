import { type ChildProcess, fork } from 'node:child_process';
import type { Cancel, Clock, Random } from '@org/rpc-core';
import { FrontDoor } from '@org/rpc-wire/internal';
import type { CloseOptions } from '../life/drain.js';
import type { Order, ToPrimary } from './messages.js';
import { Orders } from './orders.js';
import { WORKER_NUMBER, WORKER_PRIMARY } from './own-primary.js';
import { Restarts } from './restarts.js';
import { type Member, Worker, type WorkerHost, type WorkerShare } from './worker.js';
import type { WorkerEvent } from './worker-event.js';

/** A worker that does not listen by then never will. */
const START_MS = 30_000;

/** For so long a reload waits until a new worker is in the registry. */
const REGISTERED_MS = 3_000;

/** Beyond what it said that it needs, a worker that stops gets so much, in milliseconds. */
const OVERTIME_MS = 5_000;

/** What the workers of a group run. */
export interface WorkerProgram {
  readonly file: string;
  readonly args: readonly string[];
  /** Options of Node.js. */
  readonly execArgv: readonly string[];
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** What a group of workers is made of. */
export interface WorkerGroupParts {
  readonly count: number;
  readonly program: WorkerProgram;
  readonly clock: Clock;
  readonly random: Random;
  onEvent(event: WorkerEvent): void;
}

/** One of the places that are to be filled. */
interface Place {
  worker: Worker;
  startedAt: number;
  readonly restarts: Restarts;
  cancelRestart: Cancel;
}

/**
 * Processes that run the same program and share its addresses. One that crashes is replaced; all are replaced by a reload, each new one before
 * the old one goes.
 */
export class WorkerGroup implements WorkerHost {
  readonly #parts: WorkerGroupParts;
  readonly #doors = new Map<string, Promise<FrontDoor>>();
  readonly #places: Place[] = [];
  /** All that have not ended, those included that stop. */
  readonly #alive = new Set<Worker>();
  readonly #orders = new Orders();
  #lastNumber = 0;
  #reloading: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(parts: WorkerGroupParts) {
    this.#parts = parts;
  }

  /**
   * Starts the workers.
   * @returns when all of them listen
   * @throws Error that says what to do when one of them ends before that, or does not listen within 30 seconds; none is left then
   */
  static async start(parts: WorkerGroupParts): Promise<WorkerGroup> {
    const group = new WorkerGroup(parts);
    for (let index = 0; index < parts.count; index++) {
      const restarts = new Restarts(parts.random);
      group.#places.push({ worker: group.#spawn(), startedAt: parts.clock.now(), restarts, cancelRestart: () => {} });
    }
    try {
      await Promise.all(group.#places.map(({ worker }) => group.#untilListening(worker)));
    } catch (error) {
      for (const worker of group.#alive) worker.kill();
      await group.close({});
      throw error;
    }
    for (const place of group.#places) group.#watch(place, place.worker);
    return group;
  }

  /** Whether it stops. */
  get isClosing(): boolean {
    return this.#closing !== undefined;
  }

  /** Those that are to serve, by their places. */
  get workers(): readonly Worker[] {
    return this.#places.map(({ worker }) => worker);
  }

  /** Where they listen. */
  get address(): WorkerShare['address'] {
    return this.#places[0]!.worker.address!;
  }

  /**
   * Starts a new worker in each place, and asks the one before it to stop when the new one serves. One that goes on is waited for.
   * @throws Error when a new one does not serve: the places that have not had their turn keep what they have
   */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  /** Stops all of them in order, and kills what does not. Resolves when none is left. Idempotent. */
  close({ drainMs, graceMs, reason = 'the server is shutting down' }: CloseOptions): Promise<void> {
    this.#closing ??= this.#close({ drainMs, graceMs, reason });
    return this.#closing;
  }

  /**
   * Orders something of all workers, those included that are started later.
   * @returns resolves when all that follow orders now have done it
   * @throws Error of the first that could not
   */
  async order(order: Order): Promise<void> {
    this.#orders.add(order);
    await Promise.all([...this.#alive].map((worker) => this.#give(worker, order)));
  }

  obeys(worker: Worker): void {
    for (const order of this.#orders.all) this.#give(worker, order).catch(() => {});
  }

  async #give(worker: Worker, order: Order): Promise<void> {
    try {
      await worker.order(order);
    } catch (error) {
      const { number, pid = 0 } = worker;
      const failed = error as Error;
      this.#parts.onEvent({ type: 'orderFailed', worker: number, pid, order: order.what, error: failed });
      throw new Error(`worker ${number} (process ${pid}): ${failed.message}`);
    }
  }

  /** Ends all of them at once. */
  kill(): void {
    for (const worker of this.#alive) worker.kill();
  }

  async listen(_worker: Worker, message: Extract<ToPrimary, { kind: 'listen' }>, member: Member): Promise<WorkerShare> {
    const { host, port, path } = message;
    const key = path === undefined ? `${host}:${port}` : `unix:${path}`;
    const { clock, onEvent } = this.#parts;
    const opening =
      this.#doors.get(key) ??
      FrontDoor.open({ host, port, path }, clock, (error) => onEvent({ type: 'acceptError', error }));
    this.#doors.set(key, opening);
    let door: FrontDoor;
    try {
      door = await opening;
    } catch (error) {
      this.#doors.delete(key);
      throw error;
    }
    door.add(member);
    return {
      address: door.address,
      leave: () => {
        door.delete(member);
        if (door.size > 0 || !this.#isWell) return;
        // A new version listens elsewhere.
        this.#doors.delete(key);
        door.close();
      },
    };
  }

  get #isWell(): boolean {
    return this.#places.every(({ worker }) => worker.status === 'serving');
  }

  #spawn(): Worker {
    const { program } = this.#parts;
    const number = ++this.#lastNumber;
    const env = {
      ...process.env,
      ...program.environment,
      [WORKER_NUMBER]: String(number),
      [WORKER_PRIMARY]: String(process.pid),
    };
    const child: ChildProcess = fork(program.file, program.args, {
      env,
      // One port of the debugger is one process's.
      execArgv: program.execArgv.filter((option) => !option.startsWith('--inspect')),
      serialization: 'advanced',
    });
    const worker = new Worker(number, child, this);
    this.#alive.add(worker);
    void worker.exited.then(() => this.#alive.delete(worker));
    return worker;
  }

  async #untilListening(worker: Worker): Promise<void> {
    const { clock, program } = this.#parts;
    const outcome = await Promise.race([
      worker.listening.then(() => 'listening' as const),
      worker.exited,
      expires(clock, START_MS),
    ]);
    if (outcome === 'listening') {
      this.#parts.onEvent({ type: 'listening', worker: worker.number, pid: worker.pid! });
      return;
    }
    worker.kill();
    if (outcome === undefined)
      throw new Error(
        `${program.file} did not listen within ${START_MS / 1_000} s: it has to await server.listen({ port }); what waits before that?`,
      );
    const { code, signal } = outcome;
    if (code === 0) throw new Error(`${program.file} ended without server.listen({ port }): a worker has to listen`);
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    throw new Error(`${program.file} ended ${how} before it listened: what it wrote says why`);
  }

  /** Another one takes the place of one that ends by itself. */
  #watch(place: Place, worker: Worker): void {
    void worker.exited.then(({ code, signal }) => {
      if (this.#closing !== undefined || place.worker !== worker) return;
      const { clock, onEvent } = this.#parts;
      const restartMs = place.restarts.next(clock.now() - place.startedAt);
      const { crashes } = place.restarts;
      const { number, pid = 0 } = worker;
      onEvent({ type: 'crashed', worker: number, pid, code, signal, restartMs, crashes });
      place.cancelRestart = clock.schedule(restartMs, () => this.#restart(place));
    });
  }

  #restart(place: Place): void {
    const worker = this.#spawn();
    place.worker = worker;
    place.startedAt = this.#parts.clock.now();
    this.#watch(place, worker);
    // What it does not do in time, its end tells.
    this.#untilListening(worker).catch(() => {});
  }

  async #reload(): Promise<void> {
    const { clock, onEvent } = this.#parts;
    onEvent({ type: 'reloading' });
    try {
      for (const place of this.#places) {
        if (this.#closing !== undefined) throw new Error('the server is closing');
        const worker = this.#spawn();
        await this.#untilListening(worker);
        await Promise.race([worker.registered, worker.exited, expires(clock, REGISTERED_MS)]);
        const before = place.worker;
        place.cancelRestart();
        place.worker = worker;
        place.startedAt = clock.now();
        this.#watch(place, worker);
        void this.#stop(before, { drainMs: undefined, graceMs: undefined, reason: 'a new version takes over' });
      }
      onEvent({ type: 'reloaded' });
    } catch (error) {
      if (this.#closing === undefined) onEvent({ type: 'reloadFailed', error: error as Error });
      throw error;
    }
  }

  /** Asks it to stop, and kills it when it does not within the time that it said. */
  async #stop(worker: Worker, times: Parameters<Worker['stop']>[0]): Promise<void> {
    worker.stop(times);
    const cancel = this.#parts.clock.schedule(worker.stopMs + OVERTIME_MS, () => {
      if (worker.status === 'ended') return;
      this.#parts.onEvent({ type: 'killed', worker: worker.number, pid: worker.pid! });
      worker.kill();
    });
    await worker.exited;
    cancel();
  }

  async #close(times: Parameters<Worker['stop']>[0]): Promise<void> {
    for (const place of this.#places) place.cancelRestart();
    await Promise.all([...this.#alive].map((worker) => this.#stop(worker, times)));
    for (const opening of this.#doors.values()) (await opening.catch(() => undefined))?.close();
  }
}

/** Resolves with nothing after so many milliseconds, and holds no process for it. */
function expires(clock: Clock, ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    clock.schedule(ms, () => resolve(undefined), true);
  });
}
