import type { Call, Clock, Progress, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import type { ClientProtocol } from '@org/rpc-wire';
import { type ByteStream, type CallConnection, CallOwner, type CallWire, type GivenUp } from '@org/rpc-wire/internal';
import type { Job, SimulatedServer } from './server.js';

type ServerLoad = NonNullable<CallConnection['load']>;
type Options = Parameters<ClientProtocol['open']>[0];

/** How long a server may be silent after a PING before it is suspect, and before it is given up, in milliseconds; as on a real connection. */
const SUSPECT_MS = 3_000;
const PING_TIMEOUT_MS = 20_000;

/** How often a server that stands still is looked at, in milliseconds. */
const FROZEN_LOOK_MS = 10;

/** A stream that leads to a simulated server; no byte ever goes over it. */
export interface SimulatedStream extends ByteStream {
  readonly server: SimulatedServer;
}

/** Makes such a stream. */
export function simulatedStream(server: SimulatedServer): SimulatedStream {
  const nothing = (): void => {};
  return {
    server,
    peer: { address: server.endpoint.host },
    queuedBytes: 0,
    start: nothing,
    write: () => true,
    pause: nothing,
    resume: nothing,
    end: nothing,
    destroy: nothing,
  };
}

/** A protocol that carries calls to simulated servers as they are, each way in as many milliseconds as the server is away. */
export function simulatedProtocol(networkMs: (endpoint: Endpoint) => number): ClientProtocol {
  return { name: 'simulated', open: (options) => new SimulatedConnection(options, networkMs) };
}

/** A connection without bytes. Deadlines, cancellation and loss are those of the shipped connections. */
class SimulatedConnection implements CallConnection, CallWire {
  readonly #server: SimulatedServer;
  readonly #clock: Clock;
  readonly #options: Options;
  readonly #networkMs: number;
  readonly #owner: CallOwner;
  readonly #jobs = new Map<Call, Job>();
  isGreeted = false;
  isSuspect = false;
  heardAt: number;
  readonly load: ServerLoad | undefined;
  /** Since when an answer to a PING is awaited. */
  #pingedAt: number | undefined;

  constructor(options: Options, networkMs: (endpoint: Endpoint) => number) {
    const { clock, timers } = options;
    this.#options = options;
    this.#server = (options.stream as SimulatedStream).server;
    this.#clock = clock;
    this.#networkMs = networkMs(this.#server.endpoint);
    this.#owner = new CallOwner({ wire: this, clock, timers });
    this.heardAt = clock.now();
    if (options.wantsLoad) this.load = { inFlight: 0, queueMs: 0, at: Number.NEGATIVE_INFINITY };
    this.#server.connected(this);
    clock.schedule(2 * this.#networkMs, () => this.#greet());
  }

  get isOpen(): boolean {
    return this.#owner.isOpen;
  }

  get isFull(): boolean {
    return this.#jobs.size >= this.#options.limits.callsInFlight;
  }

  get inFlight(): number {
    return this.#owner.size;
  }

  send(call: Call): Promise<unknown> {
    return this.#owner.send(call);
  }

  askLoad(onAnswer: () => void): boolean {
    if (this.load === undefined || !this.isGreeted || this.#owner.isClosed) return false;
    this.#clock.schedule(this.#networkMs, () => {
      if (this.#server.isFrozen) return;
      const told = this.#told();
      this.#clock.schedule(this.#networkMs, () => {
        this.#hear(told);
        onAnswer();
      });
    });
    return true;
  }

  #told(): Omit<ServerLoad, 'at'> | undefined {
    return this.load && { inFlight: this.#server.inFlight, queueMs: this.#server.queueMs };
  }

  #hear(told: Omit<ServerLoad, 'at'> | undefined): void {
    if (told !== undefined) Object.assign(this.load!, told, { at: this.#clock.now() });
  }

  tick(now: number): void {
    if (this.#pingedAt === undefined) return;
    this.isSuspect = this.#server.isFrozen && now - this.#pingedAt >= SUSPECT_MS;
    if (!this.#server.isFrozen) this.#heard();
    else if (now - this.#pingedAt >= (this.inFlight === 0 ? SUSPECT_MS : PING_TIMEOUT_MS))
      this.lost('no answer to a PING');
  }

  drain(): void {
    this.#owner.drain();
  }

  close(reason: string): void {
    this.lost(reason);
  }

  /** The connection is over. */
  lost(reason: string): void {
    this.#server.disconnected(this);
    if (this.#owner.lose(reason)) this.#options.observer.closed(reason);
  }

  // CallWire

  get size(): number {
    return this.#jobs.size;
  }

  refusal(): RpcError | undefined {
    return this.isFull
      ? rpcError('RESOURCE_EXHAUSTED', 'too many calls are in flight', { progress: 'unsent' })
      : undefined;
  }

  mustWait(): boolean {
    return false;
  }

  transmit(call: Call): undefined {
    const job: Job = { call, isGone: false, arrivedAt: 0, reply: (error) => this.#reply(job, error) };
    if (!call.oneWay) this.#jobs.set(call, job);
    this.#clock.schedule(this.#networkMs, () => this.#server.arrive(job));
    if (call.oneWay) queueMicrotask(() => this.#owner.written(call));
  }

  giveUp(call: Call, why: GivenUp): Progress | undefined {
    const job = this.#jobs.get(call);
    if (job === undefined) return undefined;
    this.#jobs.delete(call);
    job.isGone = true;
    if (why === 'expired' && this.heardAt < (call.startedAt + this.#clock.now()) / 2) this.#ping();
    return 'maybe-processed';
  }

  giveUpAll(lost: (call: Call, progress: Progress) => void): void {
    for (const [call, job] of [...this.#jobs]) {
      job.isGone = true;
      this.#jobs.delete(call);
      lost(call, 'maybe-processed');
    }
  }

  finish(): void {
    this.lost('drained');
  }

  #ping(): void {
    if (this.#pingedAt !== undefined) return;
    this.#pingedAt = this.#clock.now();
    this.#clock.schedule(2 * this.#networkMs, () => {
      if (!this.#owner.isClosed && !this.#server.isFrozen) this.#heard();
    });
  }

  #heard(): void {
    this.heardAt = this.#clock.now();
    this.#pingedAt = undefined;
    this.isSuspect = false;
  }

  #greet(): void {
    if (this.#owner.isClosed) return;
    // Its kernel has accepted; the process says hello when it runs again.
    if (this.#server.isFrozen) return void this.#clock.schedule(FROZEN_LOOK_MS, () => this.#greet());
    this.isGreeted = true;
    this.#heard();
    const { observer } = this.#options;
    observer.greeted({ instance: this.#server.endpoint.id } as Parameters<typeof observer.greeted>[0]);
  }

  #reply(job: Job, error: RpcError | undefined): void {
    const told = this.#told();
    this.#clock.schedule(this.#networkMs, () => {
      if (this.#owner.isClosed) return;
      this.#hear(told);
      const now = this.#clock.now();
      this.heardAt = now;
      const { call } = job;
      if (!this.#jobs.delete(call)) return;
      this.#owner.answered(call, now);
      if (error === undefined) call.succeed(this.#server.endpoint.id);
      else call.fail(error);
      this.#owner.proceed();
    });
  }
}
