import type { Client, ClientOptions } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { type Call, type Code, defineService, isRpcError, method, notify, type Random } from '@org/rpc-core';
import { assertNumber, readRules } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import type { Dial } from '@org/rpc-wire/internal';
import { FakeClock } from '../fake-clock.js';
import { manualRegistry } from '../registry/manual-registry.js';
import { seededRandom } from '../seeded-random.js';
import { simulatedProtocol, simulatedStream } from './connection.js';
import type { SimulatedFault } from './fault.js';
import { Recorder, type SimulationReport } from './report.js';
import { SimulatedServer } from './server.js';
import { exponentialTime, type ServiceTime } from './service-time.js';

/** Who calls in a simulation. */
export interface SimulatedClients {
  /** How many there are, 1 to 10,000 (default 1). */
  readonly count?: number | undefined;
  /** Calls per second of all together, or a function of the time in milliseconds that gives them, for traffic that changes. */
  readonly perSecond: number | ((atMs: number) => number);
  /**
   * - `independent` (default): calls begin at random moments, whatever became of those before.
   * - `sequential`: each client makes one call after the other, as often as that allows.
   */
  readonly arrivals?: 'independent' | 'sequential' | undefined;
  /** What is tried: the options that the clients would have in production, or a function of the number of each. Registry, protocol, clock and chance are simulated. */
  readonly options?: ClientOptions | ((index: number) => ClientOptions) | undefined;
}

/** Who serves in a simulation. */
export interface SimulatedServers {
  /** How many there are, 1 to 10,000. */
  readonly count: number;
  /** Calls that each works on at a time, of each in turn or of all alike (default 16). */
  readonly slots?: number | readonly number[] | undefined;
  /** Calls that may wait at each for a slot; more are refused (default 10,000). */
  readonly queueMax?: number | undefined;
  /** How long the work takes: a mean in milliseconds, exponentially distributed, or any distribution (default 10). */
  readonly work?: number | ServiceTime | undefined;
  /** How long the way to a server takes, and the way back, in milliseconds (default 0.25). */
  readonly networkMs?: number | undefined;
  /** How much longer each way is to servers of another zone than the option `zone` of the clients, in milliseconds (default 0). */
  readonly crossZoneMs?: number | undefined;
  /** The weight of each, in turn (default 100). */
  readonly weights?: readonly number[] | undefined;
  /** The zone of each, in turn (default none). */
  readonly zones?: readonly string[] | undefined;
  /** The tags of each, in turn (default none). Rules name a server by its tags, or by its id: `server-0` and so on. */
  readonly tags?: readonly Readonly<Record<string, string>>[] | undefined;
}

/** One kind of call. */
export interface SimulatedMethod {
  /** A call that one server answers (default), one that nobody answers, or one to every server, which fails when one of them does. */
  readonly kind?: 'call' | 'notify' | 'broadcast' | undefined;
  /** How often it is called, relative to the others (default 1). */
  readonly share?: number | undefined;
  /** Default true. */
  readonly idempotent?: boolean | undefined;
  /** Default: what the clients' options say. */
  readonly timeoutMs?: number | undefined;
  /** Default: the `work` of the servers. */
  readonly work?: number | ServiceTime | undefined;
}

/** Rules that an operator sets while clients run. */
export interface SimulatedRules {
  /** When, in milliseconds (default 0). */
  readonly fromMs?: number | undefined;
  /** What `rpc rules set` would be given; its version is counted. It replaces the one before as a whole. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** How far a simulation has got, in its own time. */
export interface SimulationProgress {
  readonly atMs: number;
  readonly calls: number;
  readonly failures: number;
}

/** A question to ask of the settings of a client: what happens to these calls when that goes wrong? */
export interface Simulation {
  readonly clients: SimulatedClients;
  readonly servers: SimulatedServers;
  /** The methods by name (default one, `call`, that is idempotent). */
  readonly methods?: Readonly<Record<string, SimulatedMethod>> | undefined;
  /** What goes wrong (default nothing). */
  readonly faults?: readonly SimulatedFault[] | undefined;
  /** The documents of rules that are set, in the order of their times (default none). */
  readonly rules?: readonly SimulatedRules[] | undefined;
  /** The same number gives the same run on every machine (default 1). */
  readonly seed?: number | undefined;
  /** How long calls begin, in milliseconds (default 10,000). */
  readonly durationMs?: number | undefined;
  /** Calls that begin before this do not count: clients learn their servers, in milliseconds (default 1,000). */
  readonly warmUpMs?: number | undefined;
  /** Called for each second of the simulation. */
  readonly onProgress?: ((progress: SimulationProgress) => void) | undefined;
}

/** Promises that may settle one after the other between two events: the whole stack of a client, a repeat included. */
const HOPS = 16;

/** How soon a rate that has changed is seen, in milliseconds. */
const RATE_LOOK_MS = 50;

/** How long the last calls may take, in milliseconds. */
const SETTLE_MS = 30_000;

/**
 * Lets real clients call simulated servers in virtual time, and tells how it went: the whole stack of the client runs as it is
 * shipped, with its balancing, retries, breakers and limits, against servers with slots and queues that fail as told. A second
 * takes milliseconds.
 *
 * @throws TypeError for what is out of bounds
 * @example
 * ```ts
 * const report = await simulate({
 *   clients: { count: 10, perSecond: 500 },
 *   servers: { count: 5, slots: 4, work: 20 },
 *   faults: [{ kind: 'frozen', servers: 0, fromMs: 5_000, untilMs: 8_000 }],
 * });
 * assert.ok(report.p99Ms < 500);
 * ```
 */
export async function simulate(simulation: Simulation): Promise<SimulationReport> {
  check(simulation);
  const { durationMs = 10_000, warmUpMs = 1_000, onProgress } = simulation;
  const run = new Run(simulation);
  run.begin();
  for (let at = 0; at < durationMs; at += 1_000) {
    await run.clock.advanceFast(Math.min(1_000, durationMs - at), HOPS);
    onProgress?.({ atMs: run.clock.now(), calls: run.recorder.calls, failures: run.recorder.failures });
  }
  for (let waitedMs = 0; waitedMs < SETTLE_MS && run.open > 0; waitedMs += 1_000)
    await run.clock.advanceFast(1_000, HOPS);
  await run.close();
  const servers = run.servers.map(({ arrivals, failed, queuedMax }) => ({
    attempts: arrivals.reduce((sum, count) => sum + count, 0),
    attemptsBySecond: [...arrivals],
    failed,
    queuedMax,
  }));
  return run.recorder.report(warmUpMs, servers);
}

class Run {
  readonly clock = new FakeClock();
  readonly recorder = new Recorder();
  readonly servers: readonly SimulatedServer[];
  /** Calls that have not ended. */
  open = 0;
  readonly #simulation: Simulation;
  readonly #random: Random;
  readonly #clients: readonly Client[];
  readonly #methods: readonly (readonly [name: string, upTo: number])[];
  readonly #service;
  readonly #endMs: number;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#random = seededRandom(simulation.seed ?? 1);
    this.#endMs = simulation.durationMs ?? 10_000;
    const { methods = { call: {} }, clients, servers, faults = [] } = simulation;
    const { clock } = this;
    const works = new Map(
      Object.entries(methods).map(([name, { work }]) => [name, toTime(work ?? servers.work ?? 10)]),
    );
    const poisoned = new Map<Call, SimulatedFault>();
    this.servers = Array.from({ length: servers.count }, (_, index) => {
      const { queueMax = 10_000 } = servers;
      const slots = slotsOf(servers, index);
      const own = faults.filter((fault) => [fault.servers].flat().includes(index));
      const workMs = (name: string): ServiceTime => works.get(name)!;
      const endpoint = endpointOf(servers, index);
      const random = this.#random;
      return new SimulatedServer({ endpoint, slots, queueMax, workMs, faults: own, poisoned, clock, random });
    });
    let total = 0;
    this.#methods = Object.entries(methods).map(([name, { share = 1 }]) => {
      total += share;
      return [name, total] as const;
    });
    const definitions: Record<string, ReturnType<typeof aMethod> | ReturnType<typeof aNotification>> = {};
    for (const [name, { kind, idempotent = true, timeoutMs }] of Object.entries(methods))
      definitions[name] = kind === 'notify' ? aNotification(timeoutMs) : aMethod(idempotent, timeoutMs);
    this.#service = defineService(SERVICE, definitions);
    this.#clients = this.#makeClients(clients);
  }

  begin(): void {
    const { arrivals = 'independent' } = this.#simulation.clients;
    if (arrivals === 'independent') return this.#scheduleNext();
    const pauseMs = this.#pauseMs();
    for (const client of this.#clients) this.clock.schedule(this.#random() * pauseMs, () => this.#sequence(client));
  }

  /** Calls per second now. */
  get #perSecond(): number {
    const { perSecond } = this.#simulation.clients;
    return typeof perSecond === 'number' ? perSecond : checkedRate(perSecond(this.clock.now()));
  }

  /** The time between two calls of one client. */
  #pauseMs(): number {
    return (1_000 * this.#clients.length) / this.#perSecond;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
  }

  #scheduleNext(): void {
    const pauseMs = (-Math.log(1 - this.#random()) * 1_000) / this.#perSecond;
    const looksAgain = typeof this.#simulation.clients.perSecond === 'function' && pauseMs > RATE_LOOK_MS;
    if (this.clock.now() + (looksAgain ? RATE_LOOK_MS : pauseMs) >= this.#endMs) return;
    // What has not begun by then does not depend on how long nothing has.
    if (looksAgain) return void this.clock.schedule(RATE_LOOK_MS, () => this.#scheduleNext());
    this.clock.schedule(pauseMs, () => {
      void this.#call(this.#clients[Math.floor(this.#random() * this.#clients.length)]!);
      this.#scheduleNext();
    });
  }

  #sequence(client: Client): void {
    const beganAt = this.clock.now();
    if (beganAt >= this.#endMs) return;
    const pauseMs = this.#pauseMs();
    void this.#call(client).then(() => {
      const waitMs = Math.max(0, beganAt + pauseMs - this.clock.now());
      this.clock.schedule(waitMs, () => this.#sequence(client));
    });
  }

  async #call(client: Client): Promise<void> {
    const at = this.clock.now();
    const drawn = this.#random() * this.#methods.at(-1)![1];
    const [name] = this.#methods.find(([, upTo]) => drawn < upTo)!;
    this.recorder.began(at);
    this.open++;
    let code: Code | undefined;
    try {
      if (this.#simulation.methods?.[name]?.kind === 'broadcast') {
        const outcomes = await client.broadcast(this.#service, name, [] as never);
        code = outcomes.find(({ error }) => error !== undefined)?.error?.code;
      } else {
        await client.call(this.#service, name, [] as never);
      }
    } catch (error) {
      code = isRpcError(error) ? error.code : 'UNKNOWN';
    }
    this.open--;
    this.recorder.ended(at, this.clock.now() - at, code);
  }

  #makeClients({ count = 1, options = {} }: SimulatedClients): RpcClient[] {
    const { servers } = this.#simulation;
    const { networkMs: nearMs = 0.25, crossZoneMs = 0 } = servers;
    const { clock } = this;
    const { registry, publish, publishRules } = manualRegistry();
    publish(
      SERVICE,
      this.servers.map(({ endpoint }) => endpoint),
    );
    for (const [index, { fromMs = 0, document }] of (this.#simulation.rules ?? []).entries())
      clock.schedule(fromMs, () => publishRules(SERVICE, { ...document, version: index + 1 }));
    return Array.from({ length: count }, (_, index) => {
      const random = seededRandom((this.#simulation.seed ?? 1) * 65_537 + index);
      const own = typeof options === 'function' ? options(index) : options;
      const networkMs = ({ zone }: Endpoint): number => (zone === own.zone ? nearMs : nearMs + crossZoneMs);
      const protocol = simulatedProtocol(networkMs);
      const dial = this.#dial(networkMs);
      return new RpcClient(
        resolveClientOptions({ name: `client-${index}`, ...own, registry, protocol, clock, random }),
        dial,
      );
    });
  }

  #dial(networkMs: (endpoint: Endpoint) => number): Dial {
    const byHost = new Map(this.servers.map((server) => [server.endpoint.host, server]));
    return ({ host, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const server = byHost.get(host)!;
        const fail = (code: string): void => reject(Object.assign(new Error(`connect ${code}`), { code }));
        if (server.reachable === 'silent') this.clock.schedule(timeoutMs, () => fail('ETIMEDOUT'));
        else
          this.clock.schedule(2 * networkMs(server.endpoint), () => {
            if (server.reachable === 'yes') resolve(simulatedStream(server));
            else fail('ECONNREFUSED');
          });
      });
  }
}

const SERVICE = 'simulated';

function aMethod(idempotent: boolean, timeoutMs: number | undefined) {
  return method<() => string>(timeoutMs === undefined ? { idempotent } : { idempotent, timeoutMs });
}

function aNotification(timeoutMs: number | undefined) {
  return notify<() => void>(timeoutMs === undefined ? {} : { timeoutMs });
}

function endpointOf({ weights = [100], zones = [], tags = [] }: SimulatedServers, index: number): Endpoint {
  const host = `server-${index}`;
  const weight = weights[index % weights.length]!;
  const zone = zones.length === 0 ? undefined : zones[index % zones.length];
  const own = tags.length === 0 ? undefined : tags[index % tags.length];
  return {
    ...{ id: host, host, port: 1, weight, state: 'up' },
    ...(zone === undefined ? {} : { zone }),
    ...(own === undefined ? {} : { tags: own }),
  };
}

function slotsOf({ slots = 16 }: SimulatedServers, index: number): number {
  return typeof slots === 'number' ? slots : (slots[index % slots.length] ?? 16);
}

function toTime(work: number | ServiceTime): ServiceTime {
  return typeof work === 'number' ? exponentialTime(work) : work;
}

function checkedRate(perSecond: number): number {
  assertNumber('simulate', 'clients.perSecond', perSecond, { min: 0.001, max: 1_000_000 });
  return perSecond;
}

function check({ clients, servers, methods, faults = [], rules = [], durationMs = 1 }: Simulation): void {
  const where = 'simulate';
  assertNumber(where, 'clients.count', clients.count ?? 1, { min: 1, max: 10_000, integer: true });
  if (typeof clients.perSecond !== 'function') checkedRate(clients.perSecond);
  assertNumber(where, 'servers.count', servers.count, { min: 1, max: 10_000, integer: true });
  for (const slots of [servers.slots ?? 1].flat())
    assertNumber(where, 'servers.slots', slots, { min: 1, max: 1_000_000, integer: true });
  assertNumber(where, 'servers.networkMs', servers.networkMs ?? 1, { min: 0, max: 60_000 });
  assertNumber(where, 'servers.crossZoneMs', servers.crossZoneMs ?? 0, { min: 0, max: 60_000 });
  assertNumber(where, 'durationMs', durationMs, { min: 1, max: 86_400_000 });
  // As its clients would refuse it, but at once.
  for (const [index, { fromMs = 0, document }] of rules.entries()) {
    assertNumber(where, 'rules: fromMs', fromMs, { min: 0, max: 86_400_000 });
    readRules({ ...document, version: index + 1 }, `${where}: rules`);
  }
  if (methods !== undefined && Object.keys(methods).length === 0)
    throw new TypeError('simulate: methods names no method');
  for (const fault of faults)
    for (const server of [fault.servers].flat())
      assertNumber(`${where}: a fault`, 'servers', server, { min: 0, max: servers.count - 1, integer: true });
}
