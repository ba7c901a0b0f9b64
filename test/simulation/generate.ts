import type { Code, Random } from '@org/rpc';
import { seededRandom } from '@org/rpc-testkit';
import {
  type CallKind,
  CHAOS_MS,
  type ClientSettings,
  type ClientValues,
  type Flow,
  type RegistryFault,
  type Said,
  type Script,
  type ServerSettings,
  type Settings,
  type Step,
} from './script.js';

const CODES: readonly Code[] = ['UNAVAILABLE', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'NOT_FOUND', 'ABORTED'];
const BALANCERS: readonly ClientSettings['balancer'][] = ['roundRobin', 'leastActive', 'random', 'consistentHash'];
const KINDS: readonly CallKind[] = ['once', 'note', 'count', 'gather', 'chat', 'broadcast'];
const REGISTRY_FAULTS: readonly RegistryFault[] = ['lost', 'late', 'empty', 'half', 'ghost'];

/** The share of the runs in which all servers fail under many calls. */
const STORMS = 0.06;

/** Draws what happens in the run of a seed. */
export function generate(seed: number): Script {
  const chance = new Chance(seededRandom(seed * 2_654_435_761));
  const settings = drawSettings(seed, chance);
  const steps = [...drawCalls(settings, chance), ...drawFaults(settings, chance)];
  if (chance.is(STORMS)) steps.push(...drawStorm(settings, chance));
  const script = { settings, steps: steps.sort((a, b) => a.atMs - b.atMs) };
  // Drawn apart, so that the other half of the runs is what it was without.
  const more = new Chance(seededRandom(seed * 48_271 + 12));
  return more.is(0.5) ? withPolicies(script, more) : script;
}

/** The same run, in which calls, rules and clients say more of policies. */
function withPolicies({ settings, steps }: Script, chance: Chance): Script {
  const clients = settings.clients.map((each) => {
    const later = each.options.retryLater === undefined && chance.is(0.3) ? { retryLater: true as const } : {};
    return { ...each, options: { ...each.options, ...later } };
  });
  const all = steps.map((step): Step => {
    if (step.kind === 'call')
      return { ...step, said: { ...step.said, ...chance.some(0.4, () => drawOwn(step.call, chance)) } };
    if (step.kind !== 'rules' || typeof step.document === 'string') return step;
    return { ...step, document: { ...step.document, ...drawMoreRules(chance) } };
  });
  for (let i = chance.whole(0, 3); i > 0; i--)
    all.push({
      kind: 'rules',
      atMs: chance.whole(0, CHAOS_MS - 1_000),
      document: { schemaVersion: 1, ...drawMoreRules(chance) },
    });
  return { settings: { ...settings, clients }, steps: all.sort((a, b) => a.atMs - b.atMs) };
}

/** Policies of one call. */
function drawOwn(call: CallKind, chance: Chance): Said {
  return {
    ...chance.some(0.5, () => ({ retry: chance.is(0.5) ? (false as const) : { max: chance.whole(0, 4) } })),
    ...chance.some(0.5, () => ({
      hedge: chance.is(0.4) ? (false as const) : { delayMs: chance.whole(0, 50), max: chance.whole(1, 2) },
    })),
    ...chance.some(0.2, () => ({ throttle: false as const })),
    ...chance.some(0.2, () => ({ fault: false as const })),
    ...chance.some(call === 'note' ? 0.5 : 0.1, () => ({ retryLater: chance.is(0.7) })),
  };
}

/** Rules of the policies whose state has to outlive a swap. */
function drawMoreRules(chance: Chance): object {
  const mode = chance.of(['on', 'on', 'on', 'dark', 'off']);
  const picker = chance.of(['p2c', 'leastActive', 'roundRobin', 'random', 'consistentHash', 'localFirst']);
  return {
    ...chance.some(0.3, () => ({ balancer: { mode, picker } })),
    ...chance.some(0.3, () => ({
      breaker: {
        mode,
        minCalls: chance.whole(1, 10),
        windowMs: chance.of([1_000, 10_000, 60_000]),
        openMs: chance.whole(100, 5_000),
      },
    })),
    ...chance.some(0.2, () => ({ ejection: { mode, consecutive: chance.whole(1, 10) } })),
    ...chance.some(0.2, () => ({ throttle: { mode, minCalls: chance.whole(1, 20), maxPercent: chance.whole(0, 90) } })),
    ...chance.some(0.2, () => ({
      retryBudget: { mode, repeatPercent: chance.whole(0, 20), minPerSecond: chance.of([0, 1]) },
    })),
    ...chance.some(0.2, () => ({ rateLimit: { mode, perSecond: chance.whole(5, 100), burst: chance.whole(1, 10) } })),
    ...chance.some(0.2, () => ({ concurrency: { mode, max: chance.whole(1, 6), queue: chance.whole(0, 6) } })),
    ...chance.some(0.2, () => ({ retryLater: { mode, max: chance.whole(0, 5), forMs: chance.whole(100, 20_000) } })),
    ...chance.some(0.2, () => ({
      mirror: { mode, callPercent: chance.whole(0, 100), maxInFlight: chance.whole(1, 5) },
    })),
  };
}

class Chance {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  is(share: number): boolean {
    return this.#random() < share;
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }

  of<T>(list: readonly T[]): T {
    return list[this.whole(0, list.length - 1)]!;
  }

  /** Mostly small, now and then large: a long time, a large value. */
  skewed(least: number, most: number): number {
    return Math.round(least + (most - least) * this.#random() ** 3);
  }

  /** The value with this probability, else nothing. */
  some<T extends object>(share: number, make: () => T): T | Record<never, never> {
    return this.is(share) ? make() : {};
  }
}

function drawSettings(seed: number, chance: Chance): Settings {
  const hosts = chance.whole(1, 4);
  const least = chance.skewed(0, 20);
  return {
    seed,
    hosts,
    clients: Array.from({ length: chance.whole(1, 2) }, () => drawClient(chance)),
    serverOptions: drawServer(chance),
    lagMs: [least, least + chance.skewed(0, 30)],
    cutsPieces: chance.is(0.5),
  };
}

function drawServer(chance: Chance): ServerSettings {
  return {
    ...chance.some(0.2, () => ({ concurrency: { max: chance.whole(1, 5), queue: chance.whole(0, 5) } })),
    ...chance.some(0.1, () => ({ rateLimit: { perSecond: chance.whole(5, 50), burst: 5 } })),
    ...chance.some(0.1, () => ({ connectionAge: { maxMs: 3_000, graceMs: 5_000 } })),
  };
}

function drawClient(chance: Chance): ClientSettings {
  const options: ClientValues = {
    ...chance.some(0.3, () => ({ timeoutMs: chance.whole(100, 2_000) })),
    ...chance.some(0.3, () => ({ retry: chance.is(0.3) ? (false as const) : { max: chance.whole(1, 4) } })),
    ...chance.some(0.4, () => ({
      hedge: { delayMs: chance.is(0.2) ? 0 : chance.whole(1, 80), max: chance.whole(1, 2) },
    })),
    ...chance.some(0.1, () => ({ mirror: { percent: 50 } })),
    ...chance.some(0.2, () => ({ concurrency: { max: chance.whole(1, 6), queue: chance.whole(0, 6) } })),
    ...chance.some(0.1, () => ({ rateLimit: { perSecond: chance.whole(10, 100), burst: chance.whole(1, 10) } })),
    ...chance.some(0.2, () => ({ breaker: chance.is(0.5) ? (false as const) : { minCalls: 3 } })),
    ...chance.some(0.1, () => ({ ejection: false as const })),
    ...chance.some(0.1, () => ({ throttle: false as const })),
    ...chance.some(0.5, () => ({ keepalive: { idleMs: 1_000, suspectMs: 1_000, timeoutMs: 3_000 } })),
    ...chance.some(0.2, () => ({ limits: { callsInFlight: chance.whole(1, 6) } })),
    ...chance.some(0.1, () => ({ limits: { writeQueueBytes: 65_536 } })),
  };
  return { balancer: chance.is(0.6) ? 'p2c' : chance.of(BALANCERS), options };
}

function drawCalls({ clients }: Settings, chance: Chance): Step[] {
  const steps: Step[] = [];
  const count = chance.whole(6, 24);
  let id = 0;
  while (id < count) {
    const burst = chance.is(0.1) ? chance.whole(4, 12) : 1;
    const atMs = chance.whole(0, CHAOS_MS - 2_000);
    for (let i = 0; i < burst; i++) {
      const call = chance.is(0.55) ? 'repeatable' : chance.of(KINDS);
      const client = chance.whole(0, clients.length - 1);
      steps.push({
        kind: 'call',
        atMs,
        client,
        call,
        flow: drawFlow(++id, call, chance),
        said: drawSaid(call, chance),
      });
    }
  }
  return steps;
}

function drawFlow(id: number, call: CallKind, chance: Chance): Flow {
  const isStream = call === 'count' || call === 'gather' || call === 'chat';
  // More than may be on its way, for a reader that is slow.
  if (isStream && chance.is(0.06)) return { id, workMs: 0, bytes: 20_000, items: 10, sendMs: 0, readMs: 150 };
  return {
    id,
    workMs: chance.skewed(0, 600),
    bytes: chance.skewed(0, chance.is(0.8) ? 500 : isStream ? 40_000 : 100_000),
    items: isStream ? chance.skewed(0, 12) : 0,
    sendMs: chance.is(0.5) ? 0 : chance.skewed(0, 200),
    readMs: chance.is(0.6) ? 0 : chance.skewed(0, 300),
    ...chance.some(0.1, () => ({ code: chance.of(CODES) })),
    ...chance.some(isStream ? 0.15 : 0, () => ({ leavesAfter: chance.whole(1, 6) })),
  };
}

function drawSaid(call: CallKind, chance: Chance): Said {
  return {
    ...chance.some(0.3, () => ({ timeoutMs: chance.skewed(1, 3_000) })),
    ...chance.some(call === 'note' ? 0 : 0.1, () => ({ attemptTimeoutMs: chance.whole(10, 500) })),
    ...chance.some(0.1, () => ({ waitForReady: true })),
    ...chance.some(0.15, () => ({ cancelAfterMs: chance.skewed(0, 500) })),
  };
}

/** All hosts fail while many calls are made that may be repeated: what budgets are for. */
function drawStorm({ hosts }: Settings, chance: Chance): Step[] {
  const steps: Step[] = [];
  const fromMs = chance.whole(500, 4_000);
  const forMs = 4_000;
  for (let host = 0; host < hosts; host++)
    steps.push({ kind: 'failing', atMs: fromMs, host, forMs, code: 'UNAVAILABLE', share: 1 });
  for (let call = 0; call < 60; call++) {
    const flow = { id: 1_000 + call, workMs: 0, bytes: 10, items: 0, sendMs: 0, readMs: 0 };
    const atMs = fromMs + chance.whole(100, forMs - 1_000);
    steps.push({ kind: 'call', atMs, client: 0, call: 'repeatable', flow, said: { timeoutMs: 2_000 } });
  }
  return steps;
}

function drawFaults(settings: Settings, chance: Chance): Step[] {
  const steps: Step[] = [];
  const count = chance.is(0.05) ? 0 : chance.whole(1, 7);
  for (let i = 0; i < count; i++) steps.push(drawFault(settings, chance));
  return steps;
}

function drawFault({ hosts, clients }: Settings, chance: Chance): Step {
  const atMs = chance.whole(0, CHAOS_MS - 1_000);
  const host = chance.whole(0, hosts - 1);
  const client = chance.whole(0, clients.length - 1);
  const forMs = Math.min(chance.skewed(20, 8_000), CHAOS_MS - atMs);
  switch (chance.whole(0, 12)) {
    case 0:
      return { kind: 'kill', atMs, host, forMs };
    case 1:
      return { kind: 'vanish', atMs, host, forMs };
    case 2:
      return { kind: 'freeze', atMs, host, forMs };
    case 3:
      return { kind: 'drain', atMs, host, forMs };
    case 4:
      return { kind: 'slow', atMs, host, forMs, times: chance.whole(2, 20) };
    case 5:
      return { kind: 'failing', atMs, host, forMs, code: chance.of(CODES), share: chance.is(0.5) ? 1 : 0.5 };
    case 6:
      return { kind: 'partition', atMs, host, client, forMs, to: chance.of(['client', 'server', 'both']) };
    case 7:
      return { kind: 'reset', atMs, host };
    case 8:
      return { kind: 'cut', atMs, host, to: chance.is(0.5) ? 'client' : 'server', bytes: chance.skewed(0, 20_000) };
    case 9:
      return { kind: 'registry', atMs, client, what: chance.of(REGISTRY_FAULTS), forMs };
    case 10:
      return { kind: 'stall', atMs, client, forMs: chance.skewed(10, 3_000) };
    case 11:
      return { kind: 'kill', atMs, host, forMs: chance.skewed(0, 300) };
    default:
      return { kind: 'rules', atMs, document: drawRules(hosts, chance) };
  }
}

/** The longest timeout that a rule gives, in milliseconds. */
export const RULE_TIMEOUT_MAX_MS = 2_000;

function drawRules(hosts: number, chance: Chance): object | string {
  if (chance.is(0.1)) return '{ "schemaVersion": 1, "retry": { "mode": "on", "max": 99 } }';
  const mode = chance.of(['on', 'on', 'dark', 'off']);
  return {
    schemaVersion: 1,
    ...chance.some(0.3, () => ({ timeout: { mode, timeoutMs: chance.whole(50, RULE_TIMEOUT_MAX_MS) } })),
    ...chance.some(0.3, () => ({ retry: { mode, max: chance.whole(0, 3) } })),
    ...chance.some(0.3, () => ({ hedge: { mode, delayMs: chance.whole(1, 50), max: 1 } })),
    ...chance.some(0.3, () => ({
      weight: { mode, endpoints: { [`h:${chance.whole(1, hosts)}`]: chance.of([0, 10, 1_000]) } },
    })),
    ...chance.some(0.2, () => ({ switch: { mode, methods: { once: { enabled: false } } } })),
    ...chance.some(0.2, () => ({ fault: { mode, errorPercent: 10, delayMs: 20, dropPercent: 5 } })),
    ...chance.some(0.2, () => ({
      route: { mode, routes: [{ name: 'some', share: 50, to: { instances: [`h:${chance.whole(1, hosts)}`] } }] },
    })),
  };
}
