import { type Layer, RpcError } from '@org/rpc-core';
import {
  type SimulatedClients,
  type Simulation,
  type SimulationReport,
  seededRandom,
  simulate,
  uniformTime,
} from '@org/rpc-testkit';
import { once } from '../once.js';
import type { Row } from '../row.js';

/** Two servers that could do 1,000 calls a second between them do 80 for 45 s, while 800 are made. */
export const CAPACITY = 80;
const TIMES = 12.5;
const UNTIL_MS = 45_000;

/** Such an overload, seen by clients with these options. */
export function overload(options: SimulatedClients['options']): Simulation {
  return {
    clients: { count: 20, perSecond: 10 * CAPACITY, options },
    servers: { count: 2, slots: 5, queueMax: 20, work: uniformTime(5, 15) },
    faults: [{ kind: 'slower', servers: [0, 1], times: TIMES, untilMs: UNTIL_MS }],
    durationMs: 80_000,
    warmUpMs: 0,
  };
}

function run(seed: number, options: SimulatedClients['options']): Promise<SimulationReport> {
  return simulate({ ...overload(options), seed });
}

const shipped = once((seed) => run(seed, {}));

/** Attempts that arrived at both servers, a second, within some seconds. */
function attemptsPerSecond({ servers }: SimulationReport, from: number, until: number): number {
  let sum = 0;
  for (const { attemptsBySecond } of servers) for (const count of attemptsBySecond.slice(from, until)) sum += count;
  return sum / (until - from);
}

/** What the servers are sent while they are overloaded, as a multiple of what they can do. */
function sent(report: SimulationReport): number {
  return attemptsPerSecond(report, 25, 45) / CAPACITY;
}

/** What they do of what they can, in percent. */
function done(report: SimulationReport): number {
  const { calls, failures } = report.between(25_000, UNTIL_MS);
  return (100 * (calls - failures)) / 20 / CAPACITY;
}

/** What fails from half a minute after the overload on, in percent. */
function failedAfterwards(report: SimulationReport): number {
  const { calls, failures } = report.between(UNTIL_MS + 30_000, 80_000);
  return (100 * failures) / calls;
}

/** The same rule without a window: what was refused long ago counts as much as what was just now. */
function withoutWindow(): Layer {
  const random = seededRandom(1);
  let requests = 0;
  let accepted = 0;
  return (next) => async (call) => {
    requests++;
    const share = Math.min(0.9, (requests - 2 * accepted) / (requests + 1));
    if (random() < share) throw new RpcError('RESOURCE_EXHAUSTED', 'refused here');
    const answer = await next(call);
    accepted++;
    return answer;
  };
}

/** All or nothing: a server that refuses is let alone for some time by whoever hears of it. */
function pausing(): Layer {
  let until = 0;
  return (next) => async (call) => {
    if (call.createdAt < until) throw new RpcError('RESOURCE_EXHAUSTED', 'not sent');
    try {
      return await next(call);
    } catch (error) {
      until = call.createdAt + 5_000;
      throw error;
    }
  };
}

const PAGE = 'throttle';
const SCENE = '20 clients send ten times what 2 servers can do';

export const THROTTLE: readonly Row[] = [
  {
    page: PAGE,
    scene: SCENE,
    measure: 'what the servers are sent of what they can do',
    unit: 'x',
    bound: 2.1,
    seeds: 1,
    value: async (seed) => sent(await shipped(seed)),
    control: { what: 'no throttle', value: async (seed) => sent(await run(seed, { throttle: false })) },
  },
  {
    page: PAGE,
    scene: SCENE,
    measure: 'what they do of it',
    unit: '%',
    bound: 97,
    isLeast: true,
    seeds: 1,
    value: async (seed) => done(await shipped(seed)),
    control: {
      what: 'nothing is sent for 5 s after a refusal',
      value: async (seed) => done(await run(seed, () => ({ throttle: false, layers: { unary: [pausing()] } }))),
    },
  },
  {
    page: PAGE,
    scene: SCENE,
    measure: 'failed half a minute later',
    unit: '%',
    bound: 1,
    seeds: 1,
    value: async (seed) => failedAfterwards(await shipped(seed)),
    control: {
      what: 'a throttle that counts from the start',
      value: async (seed) =>
        failedAfterwards(await run(seed, () => ({ throttle: false, layers: { unary: [withoutWindow()] } }))),
    },
  },
];
