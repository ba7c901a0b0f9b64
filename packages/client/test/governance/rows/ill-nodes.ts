import { type SimulatedFault, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';
import type { PickerFactory } from '../../../src/picker/picker.js';
import { roundRobin } from '../../../src/picker/round-robin.js';
import { blind, leastBusy, withoutTrials } from '../pickers.js';
import type { Row } from '../row.js';

const work = uniformTime(15, 25);

/** The share of calls that failed, in percent. */
async function failed(simulation: Simulation): Promise<number> {
  const { failures, calls } = await simulate(simulation);
  return (100 * failures) / calls;
}

function first(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function optionsOf(balancer: PickerFactory | undefined): { readonly balancer?: PickerFactory } {
  return balancer === undefined ? {} : { balancer };
}

/** Ten calls a second to a hundred nodes of which thirty fail. */
function few(seed: number, balancer?: PickerFactory): Simulation {
  return {
    clients: { perSecond: 10, options: optionsOf(balancer) },
    servers: { count: 100, work },
    faults: [{ kind: 'failing', servers: first(30) }],
    durationMs: 120_000,
    warmUpMs: 20_000,
    seed,
  };
}

/** Trial calls of the last minute, in percent of its calls. */
async function trials(seed: number, balancer?: PickerFactory): Promise<number> {
  const { servers } = await simulate(few(seed, balancer));
  let sum = 0;
  for (const { attemptsBySecond } of servers.slice(0, 30)) for (const count of attemptsBySecond.slice(60)) sum += count;
  return (100 * sum) / 600;
}

/** Most of ten nodes fail. */
function panic(seed: number, bad: number, balancer?: PickerFactory): Simulation {
  return {
    clients: { count: 2, perSecond: 500, options: optionsOf(balancer) },
    servers: { count: 10, slots: 8, work },
    faults: [{ kind: 'failing', servers: first(bad), fromMs: 5_000 }],
    durationMs: 25_000,
    warmUpMs: 12_000,
    seed,
  };
}

/** Four nodes fail and are gone, and two of the other six fail. */
function gone(seed: number, balancer?: PickerFactory): Simulation {
  const faults: SimulatedFault[] = [
    { kind: 'failing', servers: [0, 1], fromMs: 20_000 },
    // They fail until their connections are lost, so that their breakers are open when they go.
    { kind: 'failing', servers: [6, 7, 8, 9], fromMs: 5_000 },
    { kind: 'disconnected', servers: [6, 7, 8, 9], fromMs: 10_000 },
  ];
  return {
    clients: { perSecond: 500, options: optionsOf(balancer) },
    servers: { count: 10, work },
    faults,
    durationMs: 60_000,
    warmUpMs: 30_000,
    seed,
  };
}

/** When a node of a service whose methods are not idempotent is given its first call after it is well again, in seconds. */
async function unrepeatable(seed: number, balancer?: PickerFactory): Promise<number> {
  const { servers } = await simulate({
    clients: { perSecond: 200, options: optionsOf(balancer) },
    servers: { count: 5, work },
    methods: { buy: { idempotent: false } },
    faults: [{ kind: 'failing', servers: 0, fromMs: 5_000, untilMs: 20_000 }],
    durationMs: 30_000,
    seed,
  });
  const seconds = servers[0]!.attemptsBySecond.slice(20).findIndex((count) => count > 0);
  return seconds < 0 ? Number.POSITIVE_INFINITY : seconds + 1;
}

/** One of three nodes answers otherwise than its peers. @returns failed calls from two seconds after it began on, in percent */
async function odd(seed: number, fault: Partial<SimulatedFault>, balancer?: PickerFactory): Promise<number> {
  const report = await simulate({
    clients: { count: 2, perSecond: 200, options: optionsOf(balancer) },
    servers: { count: 3, work },
    faults: [{ kind: 'failing', servers: 0, fromMs: 2_000, ...fault }],
    durationMs: 15_000,
    seed,
  });
  const { failures, calls } = report.between(4_000, 15_000);
  return (100 * failures) / calls;
}

/** What an instance gets that says NOT_FOUND at once, in percent of the calls. */
async function emptyCache(seed: number, balancer?: PickerFactory): Promise<number> {
  const { servers } = await simulate({
    clients: { count: 2, perSecond: 200, options: optionsOf(balancer) },
    servers: { count: 3, work },
    faults: [{ kind: 'failing', servers: 0, fromMs: 2_000, code: 'NOT_FOUND', progress: 'processed' }],
    durationMs: 15_000,
    seed,
  });
  const counts = servers.map(({ attemptsBySecond }) =>
    attemptsBySecond.slice(4, 15).reduce((sum, each) => sum + each, 0),
  );
  return (100 * counts[0]!) / counts.reduce((sum, each) => sum + each, 0);
}

const PAGE = 'load-balancing';
const BLIND = 'a pick that looks at nothing';

export const ILL_NODES: readonly Row[] = [
  {
    page: PAGE,
    scene: '30 of 100 nodes fail, 10 calls/s',
    measure: 'failed',
    unit: '%',
    bound: 0.5,
    seeds: 10,
    value: (seed) => failed(few(seed)),
    control: { what: BLIND, value: (seed) => failed(few(seed, blind())) },
  },
  {
    page: PAGE,
    scene: '30 of 100 nodes fail, 10 calls/s',
    measure: 'trial calls',
    unit: '%',
    bound: 2,
    seeds: 1,
    value: trials,
    control: { what: BLIND, value: (seed) => trials(seed, blind()) },
  },
  ...[6, 8].map(
    (bad): Row => ({
      page: PAGE,
      scene: `${bad} of 10 nodes fail, 500 calls/s`,
      measure: 'failed',
      unit: '%',
      bound: 0.5,
      seeds: 10,
      value: (seed) => failed(panic(seed, bad)),
      control: { what: BLIND, value: (seed) => failed(panic(seed, bad, blind())) },
    }),
  ),
  ...[undefined, roundRobin()].map(
    (balancer): Row => ({
      page: PAGE,
      scene: `4 of 10 nodes are gone and 2 of the others fail${balancer === undefined ? '' : ', roundRobin()'}`,
      measure: 'failed',
      unit: '%',
      bound: 0.1,
      seeds: 1,
      value: (seed) => failed(gone(seed, balancer)),
      control: { what: BLIND, value: (seed) => failed(gone(seed, blind())) },
    }),
  ),
  {
    page: PAGE,
    scene: 'a node of a service without idempotent methods is back',
    measure: 'until its first call',
    unit: 's',
    bound: 8,
    seeds: 10,
    value: (seed) => unrepeatable(seed),
    control: { what: 'no trial calls', value: (seed) => unrepeatable(seed, withoutTrials()) },
  },
  ...(['UNAUTHENTICATED', 'UNIMPLEMENTED'] as const).map(
    (code): Row => ({
      page: PAGE,
      scene: `the handlers of one of 3 nodes answer ${code}`,
      measure: 'failed from 2 s on',
      unit: '%',
      bound: 1,
      seeds: 10,
      value: (seed) => odd(seed, { code, progress: 'processed' }),
      control: {
        what: 'a pick by load alone',
        value: (seed) => odd(seed, { code, progress: 'processed' }, leastBusy()),
      },
    }),
  ),
  {
    page: PAGE,
    scene: 'one of 3 nodes says NOT_FOUND at once',
    measure: 'share of the calls that it gets',
    unit: '%',
    bound: 40,
    seeds: 10,
    value: emptyCache,
    control: { what: 'a pick by load alone', value: (seed) => emptyCache(seed, leastBusy()) },
  },
];
