import type { Call, Clock, Code, Random, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { activeUntil, isActive, type SimulatedFault } from './fault.js';
import type { ServiceTime } from './service-time.js';

/** A call on its way through a server. */
export interface Job {
  readonly call: Call;
  /** The answer: `undefined` is a result. Never called for work that was lost. */
  readonly reply: (error: RpcError | undefined) => void;
  /** Nobody waits for it any more. */
  isGone: boolean;
  arrivedAt: number;
}

/** What a server is made of. */
export interface ServerSettings {
  readonly endpoint: Endpoint;
  /** Calls that it works on at a time. */
  readonly slots: number;
  /** Calls that may wait for a slot; the others are refused as RESOURCE_EXHAUSTED. */
  readonly queueMax: number;
  readonly workMs: (method: string) => ServiceTime;
  readonly faults: readonly SimulatedFault[];
  /** The calls that `blocking` and `crashing` have hit; shared by all servers. */
  readonly poisoned: Map<Call, SimulatedFault>;
  readonly clock: Clock;
  readonly random: Random;
}

/** How far a call got that a server answers with such a code. */
const PROGRESS: Readonly<Partial<Record<Code, RpcError['progress']>>> = {
  UNAVAILABLE: 'maybe-processed',
  UNIMPLEMENTED: 'refused',
  UNAUTHENTICATED: 'refused',
  PERMISSION_DENIED: 'refused',
};

/** A server with slots and a queue, first come first served. What has expired when its turn comes is not begun. */
export class SimulatedServer {
  readonly endpoint: Endpoint;
  /** Attempts that arrived in each second. */
  readonly arrivals: number[] = [];
  failed = 0;
  queuedMax = 0;
  readonly #settings: ServerSettings;
  readonly #connections = new Set<{ lost(reason: string): void }>();
  #queue: Job[] = [];
  #head = 0;
  #running = new Set<Job>();
  /** How many calls a fault has hit, of those that do not hit all. */
  readonly #hits = new Map<SimulatedFault, number>();
  /** Until when a call blocks the process, and until when the process that a call has ended is away. */
  #blockedUntil = 0;
  #awayUntil = 0;

  constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.endpoint = settings.endpoint;
    for (const fault of settings.faults) this.#begin(fault);
  }

  /** How an attempt to connect goes now. */
  get reachable(): 'yes' | 'refused' | 'silent' {
    if (this.#fault('killed') !== undefined || this.#settings.clock.now() < this.#awayUntil) return 'refused';
    return this.#fault('disconnected') === undefined ? 'yes' : 'silent';
  }

  /** Calls that it works on or lets wait. */
  get inFlight(): number {
    return this.#running.size + this.#waiting;
  }

  /** For how long the next call has waited for a slot, in milliseconds. */
  get queueMs(): number {
    return this.#waiting === 0 ? 0 : this.#settings.clock.now() - this.#queue[this.#head]!.arrivedAt;
  }

  get isFrozen(): boolean {
    return this.#frozenMs > 0;
  }

  /** How long it will stand still yet. */
  get #frozenMs(): number {
    const now = this.#settings.clock.now();
    const frozen = this.#fault('frozen');
    return Math.max(this.#blockedUntil, frozen === undefined ? 0 : activeUntil(frozen, now)) - now;
  }

  connected(connection: { lost(reason: string): void }): void {
    this.#connections.add(connection);
  }

  disconnected(connection: { lost(reason: string): void }): void {
    this.#connections.delete(connection);
  }

  arrive(job: Job): void {
    if (this.reachable === 'refused' || job.isGone) return;
    job.arrivedAt = this.#settings.clock.now();
    const second = Math.floor(this.#settings.clock.now() / 1_000);
    while (this.arrivals.length <= second) this.arrivals.push(0);
    this.arrivals[second]!++;
    if (this.#running.size < this.#settings.slots && !this.isFrozen) return this.#start(job);
    if (this.#waiting >= this.#settings.queueMax) return this.#answer(job, 'RESOURCE_EXHAUSTED', 'refused');
    this.#queue.push(job);
    this.queuedMax = Math.max(this.queuedMax, this.#waiting);
  }

  get #waiting(): number {
    return this.#queue.length - this.#head;
  }

  #start(job: Job): void {
    const { clock, random, workMs } = this.#settings;
    this.#running.add(job);
    let ms = workMs(job.call.method)(random);
    const { method } = job.call;
    const slower = this.#hit('slower', method);
    if (slower !== undefined) ms *= slower.times ?? 3;
    const slow = this.#hit('slow', method);
    if (slow !== undefined) ms = slow.ms ?? 2_000;
    const failing = this.#hit('failing', method);
    if (failing !== undefined) ms = failing.ms ?? 1;
    const blocking = this.#poison('blocking', job.call);
    if (blocking !== undefined) {
      ms = blocking.ms ?? 5_000;
      this.#blockedUntil = clock.now() + ms;
      clock.schedule(ms, () => this.#next());
    }
    const crashing = this.#poison('crashing', job.call);
    if (crashing === undefined) clock.schedule(ms, () => this.#done(job, failing));
    else this.#crash(crashing.ms ?? 5_000);
  }

  /** The fault that hits a call here. */
  #hit(kind: SimulatedFault['kind'], method: string): SimulatedFault | undefined {
    const fault = this.#fault(kind, this.#settings.random, method);
    if (fault?.calls === undefined) return fault;
    const hits = this.#hits.get(fault) ?? 0;
    if (hits >= fault.calls) return undefined;
    this.#hits.set(fault, hits + 1);
    return fault;
  }

  /** The fault that a call brings with it, wherever it goes. */
  #poison(kind: SimulatedFault['kind'], { root, method }: Call): SimulatedFault | undefined {
    const { faults, poisoned, random } = this.#settings;
    if (!faults.some((fault) => fault.kind === kind)) return undefined;
    const known = poisoned.get(root);
    if (known !== undefined) return known.kind === kind ? known : undefined;
    const fault = this.#fault(kind, random, method);
    if (fault === undefined) return undefined;
    if ([...poisoned.values()].filter((each) => each === fault).length >= (fault.calls ?? 1)) return undefined;
    poisoned.set(root, fault);
    return fault;
  }

  #crash(ms: number): void {
    this.#awayUntil = this.#settings.clock.now() + ms;
    this.#reset();
    for (const each of [...this.#connections]) each.lost('the connection was reset');
  }

  /** What a process that ends was doing is gone with it. */
  #reset(): void {
    this.#running = new Set();
    this.#queue = [];
    this.#head = 0;
  }

  #done(job: Job, failing: SimulatedFault | undefined): void {
    // Lost with its process.
    if (!this.#running.has(job)) return;
    const frozenMs = this.#frozenMs;
    if (frozenMs > 0) {
      // For ever, perhaps.
      if (Number.isFinite(frozenMs)) this.#settings.clock.schedule(frozenMs, () => this.#done(job, failing));
      return;
    }
    this.#running.delete(job);
    if (failing === undefined) job.reply(undefined);
    else {
      const { code = 'UNAVAILABLE' } = failing;
      this.#answer(job, code, failing.progress ?? PROGRESS[code] ?? 'processed');
    }
    this.#next();
  }

  #answer(job: Job, code: Code, progress: RpcError['progress']): void {
    this.failed++;
    job.reply(rpcError(code, 'simulated', { progress }));
  }

  #next(): void {
    const { slots, clock } = this.#settings;
    while (this.#running.size < slots && this.#waiting > 0 && !this.isFrozen) {
      const job = this.#queue[this.#head++]!;
      if (!job.isGone && clock.now() <= job.call.attemptDeadline) this.#start(job);
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * @param random - draws whether this call is among the fault's share
   * @param method - the method of this call
   */
  #fault(kind: SimulatedFault['kind'], random?: Random, method?: string): SimulatedFault | undefined {
    const now = this.#settings.clock.now();
    for (const fault of this.#settings.faults) {
      if (fault.kind !== kind || !isActive(fault, now)) continue;
      const { share = 1, methods } = fault;
      if (methods !== undefined && method !== undefined && !methods.includes(method)) continue;
      if (share >= 1 || random === undefined || random() < share) return fault;
    }
    return undefined;
  }

  /** Does what a fault does when it begins, and each time that it comes back; and lets the work go on when it ends. */
  #begin(fault: SimulatedFault): void {
    const { clock } = this.#settings;
    if (fault.kind !== 'killed' && fault.kind !== 'disconnected' && fault.kind !== 'frozen') return;
    const step = (): void => {
      const now = clock.now();
      if (isActive(fault, now)) {
        if (fault.kind === 'killed') this.#reset();
        if (fault.kind !== 'frozen') for (const each of [...this.#connections]) each.lost('the connection was reset');
      } else {
        this.#next();
      }
      const until = fault.untilMs ?? Number.POSITIVE_INFINITY;
      const next = activeUntil(fault, now);
      if (now < until && Number.isFinite(next)) clock.schedule(next - now, step);
    };
    clock.schedule((fault.fromMs ?? 0) - clock.now(), step);
  }
}
