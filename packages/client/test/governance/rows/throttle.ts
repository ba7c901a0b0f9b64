import type { ClientOptions } from '@org/rpc-client';
import { type Simulation, type SimulationReport, simulate, uniformTime } from '@org/rpc-testkit';
import type { Row } from '../row.js';

/** Two servers that could do 1,000 calls a second between them do 80 for 45 s, while 800 are made. */
export const CAPACITY = 80;
const TIMES = 12.5;
const UNTIL_MS = 45_000;

/** Such an overload, seen by clients with these options. */
export function overload(options: ClientOptions): Simulation {
  return {
    clients: { count: 20, perSecond: 10 * CAPACITY, options },
    servers: { count: 2, slots: 5, queueMax: 20, work: uniformTime(5, 15) },
    faults: [{ kind: 'slower', servers: [0, 1], times: TIMES, untilMs: UNTIL_MS }],
    durationMs: 80_000,
    warmUpMs: 0,
  };
}

/** Attempts that arrived at both servers, a second, within some seconds. */
function attemptsPerSecond({ servers }: SimulationReport, from: number, until: number): number {
  let sum = 0;
  for (const { attemptsBySecond } of servers) for (const count of attemptsBySecond.slice(from, until)) sum += count;
  return sum / (until - from);
}

/** What the servers are sent while they are overloaded, as a multiple of what they can do. */
async function sent(seed: number, options: ClientOptions): Promise<number> {
  return attemptsPerSecond(await simulate({ ...overload(options), seed }), 25, 45) / CAPACITY;
}

/** What they do of what they can, in percent. */
async function done(seed: number): Promise<number> {
  const { calls, failures } = (await simulate({ ...overload({}), seed })).between(25_000, UNTIL_MS);
  return (100 * (calls - failures)) / 20 / CAPACITY;
}

/** What fails from half a minute after the overload on, in percent. */
async function failedAfterwards(seed: number): Promise<number> {
  const { calls, failures } = (await simulate({ ...overload({}), seed })).between(UNTIL_MS + 30_000, 80_000);
  return (100 * failures) / calls;
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
    value: (seed) => sent(seed, {}),
    control: { what: 'no throttle', value: (seed) => sent(seed, { throttle: false }) },
  },
  {
    page: PAGE,
    scene: SCENE,
    measure: 'what they do of it',
    unit: '%',
    bound: 97,
    isLeast: true,
    seeds: 1,
    value: done,
  },
  {
    page: PAGE,
    scene: SCENE,
    measure: 'failed half a minute later',
    unit: '%',
    bound: 1,
    seeds: 1,
    value: failedAfterwards,
  },
];
