import type { Clock, Random } from '@org/rpc-core';
import { printLine } from '@org/rpc-core/internal';
import type { Drain, ResolvedCloseOptions } from '../life/drain.js';
import type { ResolvedSignals } from '../life/signals.js';
import type { ServerState } from '../state.js';
import type { Order } from './messages.js';
import { SERVE_PARENT, servingLine } from './serving-line.js';
import { describeWorkerEvent, type WorkerEvent } from './worker-event.js';
import { WorkerGroup, type WorkerGroupParts, type WorkerProgram } from './worker-group.js';

/** The signal that asks for new workers, as of nginx and of gunicorn. */
const RELOAD = 'SIGHUP';

/** The last words of what is cut off at the end of a grace, in milliseconds. */
const LAST_WORDS_MS = 2_000;

/** What is needed to watch over workers. */
export interface WatchedWorkersParts {
  readonly count: number;
  /** What they run: this process's own program, unless it is another. */
  readonly program?: WorkerProgram | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /** Without any, that of a reload is not handled either. */
  readonly signals: Pick<ResolvedSignals, 'names'>;
  /** @returns whether anybody has seen it; else it is printed, if people have to see it */
  tell(event: WorkerEvent): boolean;
}

/** The workers of this process, from their start to the end of the last one. */
export class WatchedWorkers {
  readonly #group: WorkerGroup;
  readonly #clock: Clock;
  readonly #end: () => void;

  private constructor(group: WorkerGroup, clock: Clock, end: () => void) {
    this.#group = group;
    this.#clock = clock;
    this.#end = end;
  }

  /** @throws Error that says what to do when they do not come up */
  static async start(parts: WatchedWorkersParts): Promise<WatchedWorkers> {
    const { count, clock, random, program = ownProgram(process) } = parts;
    const groupParts: WorkerGroupParts = {
      count,
      clock,
      random,
      program,
      onEvent: (event) => {
        if (parts.tell(event)) return;
        const text = describeWorkerEvent(event);
        if (text !== undefined) printLine(`@org/rpc: ${text}\n`);
      },
    };
    if (process.listeners('exit').some((each) => OURS in each))
      throw new TypeError(
        'server.listen: one server of a process has workers, and each of these runs all of the program: another server listens there without the option',
      );
    const group = await WorkerGroup.start(groupParts);
    // Its failure is told by an event.
    const reload = (): void => void group.reload().catch(() => {});
    // A process that is ended at once takes them with it; one that crashes leaves them time to stop by themselves.
    const exit = (): void => {
      if (group.isClosing) group.kill();
    };
    Object.defineProperty(exit, OURS, { value: true });
    process.on('exit', exit);
    if (parts.signals.names.length > 0) process.on(RELOAD, reload);
    return new WatchedWorkers(group, clock, () => process.off('exit', exit).off(RELOAD, reload));
  }

  get address(): WorkerGroup['address'] {
    return this.#group.address;
  }

  /** Says to people that they serve, where `rpc serve` runs this process. @returns where they listen */
  announce(services: readonly string[]): WorkerGroup['address'] {
    const { address } = this;
    const pids = this.#group.workers.map(({ pid }) => pid);
    if (process.env[SERVE_PARENT] === String(process.ppid))
      printLine(`rpc serve: ${servingLine({ services, address, pids })}\n`);
    return address;
  }

  /**
   * Orders something of all workers, those included that are started later.
   * @returns resolves when those that serve have done it
   * @throws Error of the first that could not
   */
  order(order: Order): Promise<void> {
    return this.#group.order(order);
  }

  /** Resolves when each of the first workers is in the registry. */
  get registered(): Promise<void> {
    return Promise.all(this.#group.workers.map(({ registered }) => registered)).then(() => undefined);
  }

  /** Stops them in order. */
  drain({ drainMs, graceMs, reason }: ResolvedCloseOptions): Drain {
    return {
      done: this.#group.close({ drainMs, graceMs, reason }).finally(this.#end),
      shorten: (ms) => void this.#clock.schedule(ms + LAST_WORDS_MS, () => this.#group.kill(), true),
    };
  }

  /** What the workers know of themselves, taken together; it is a second old at the most. */
  state(own: ServerState): ServerState {
    const { workers } = this.#group;
    const states = workers.flatMap((worker) => worker.states);
    const sum = (of: (state: ServerState) => number): number => states.reduce((total, state) => total + of(state), 0);
    const unregistered = states.find(({ registry }) => registry.status !== 'registered');
    return {
      ...own,
      address: this.address,
      registry: { ...own.registry, ...(unregistered ?? states[0])?.registry },
      services: { ...own.services, ...states[0]?.services },
      ...limitsOf(states, own),
      connections: sum(({ connections }) => connections),
      calls: {
        running: sum(({ calls }) => calls.running),
        waiting: sum(({ calls }) => calls.waiting),
        succeeded: sum(({ calls }) => calls.succeeded),
        late: sum(({ calls }) => calls.late),
        failed: sum(({ calls }) => calls.failed),
        refused: sum(({ calls }) => calls.refused),
        dropped: sum(({ calls }) => calls.dropped),
        builtIn: sum(({ calls }) => calls.builtIn),
      },
      workers: workers.map(({ number, pid, status, states: its }) => ({
        worker: number,
        pid,
        status,
        instances: its.map(({ instance }) => instance),
      })),
    };
  }
}

/** The limits and rules of the workers, which all have the same: their counts together, each with the values of the first. */
function limitsOf(states: readonly ServerState[], own: ServerState): Partial<ServerState> {
  const [{ limits, rates, callerLimits, overload, rules } = own] = states;
  const sum = (of: (state: ServerState) => number | undefined): number =>
    states.reduce((total, state) => total + (of(state) ?? 0), 0);
  return {
    ...{ rates, overload, rules },
    limits: limits.map((limit) => {
      const same = (state: ServerState) => state.limits.find(({ what }) => what === limit.what);
      return { ...limit, running: sum((state) => same(state)?.running), waiting: sum((state) => same(state)?.waiting) };
    }),
    callerLimits: callerLimits.map((limit) => {
      const same = (state: ServerState) => state.callerLimits.find(({ what }) => what === limit.what);
      return { ...limit, callers: sum((state) => same(state)?.callers) };
    }),
  };
}

/** Marks a process that watches over workers, also for another copy of this package. */
const OURS: unique symbol = Symbol.for('@org/rpc.watchesWorkers') as never;

/** The program of this process, for its workers. @throws TypeError where there is none that could be run again */
function ownProgram(own: NodeJS.Process): WorkerProgram {
  const [, file, ...args] = own.argv;
  if (file === undefined)
    throw new TypeError(
      'server.listen: workers run the program of this process again, and it has no file: start it as node server.js',
    );
  return { file, args, execArgv: own.execArgv };
}
