import type { ClientOptions } from '@org/rpc-client';
import type { Layer } from '@org/rpc-core';
import { type SimulatedFault, type Simulation, simulate } from '@org/rpc-testkit';
import { flatFailures } from '../flat-failures.js';
import type { Row } from '../row.js';

/** Three servers of one slot each that are 70 % busy with a millisecond of work a call. */
const POOL: Simulation = {
  clients: { perSecond: 2_100, options: { timeoutMs: 3_000 } },
  servers: { count: 3, slots: 1, work: 1 },
  durationMs: 15_000,
  warmUpMs: 3_000,
};

/** So many seeds make what p99 is without errors: their latencies differ by some percent. */
const USUAL_SEEDS = 5;

/** Measured once, by whoever asks first. */
let usual: Promise<number> | undefined;

async function measureUsual(): Promise<number> {
  let sum = 0;
  for (let seed = 1; seed <= USUAL_SEEDS; seed++) sum += (await simulate({ ...POOL, seed })).p99Ms;
  return sum / USUAL_SEEDS;
}

/** p99 as a multiple of that of the pool without errors. */
async function raised(seed: number, change: Partial<Simulation>): Promise<number> {
  usual ??= measureUsual();
  return (await simulate({ ...POOL, ...change, seed })).p99Ms / (await usual);
}

function rare(share: number): Partial<Simulation> {
  const faults: SimulatedFault[] = [{ kind: 'failing', servers: [0, 1, 2], code: 'INTERNAL', share }];
  return { faults };
}

const HASTY: Partial<Simulation> = { methods: { call: { share: 999 }, hasty: { timeoutMs: 2 } } };

const PAGE = 'load-balancing';

export const RARE_ERRORS: readonly Row[] = [
  ...(
    [
      [0.0002, 1.1],
      [0.001, 1.1],
      [0.01, 1.7],
    ] as const
  ).map(
    ([share, bound]): Row => ({
      page: PAGE,
      scene: `INTERNAL in ${100 * share} % of the calls of all 3 nodes, 70 % busy`,
      measure: 'p99, of that without errors',
      unit: 'x',
      bound,
      seeds: 5,
      value: (seed) => raised(seed, rare(share)),
      control:
        share < 0.001
          ? {
              what: 'failures that weigh five seconds',
              value: (seed) => raised(seed, { ...rare(share), ...heavy() }),
            }
          : // Where every node has failed of late, none weighs more than the others.
            {
              what: 'a node left alone for each failure',
              value: (seed) => raised(seed, { ...rare(share), ...strict() }),
            },
    }),
  ),
  {
    page: PAGE,
    scene: 'one call in 1,000 has a deadline of 2 ms, 3 nodes, 70 % busy, the whole client',
    measure: 'p99, of that without',
    unit: 'x',
    bound: 1.1,
    seeds: 5,
    value: (seed) => raised(seed, HASTY),
    control: { what: 'failures that weigh five seconds', value: (seed) => raised(seed, { ...HASTY, ...heavy() }) },
  },
];

/** The pool, called by such a client. */
function heavy(): Partial<Simulation> {
  return { clients: { ...POOL.clients, options: { ...POOL.clients.options, ...flat() } } };
}

/** The pool, called by a client that leaves a node alone as soon as a call has failed there. */
function strict(): Partial<Simulation> {
  const ejection = { consecutive: 1 };
  return { clients: { ...POOL.clients, options: { ...POOL.clients.options, ejection } } };
}

/** A client whose failures each weigh five seconds on their node. */
function flat(): Pick<ClientOptions, 'balancer' | 'layers'> {
  const { picker, failed } = flatFailures();
  const watch: Layer = (next) => (call) =>
    next(call).catch((error: unknown) => {
      failed(call);
      throw error;
    });
  return { layers: { unary: [watch] }, balancer: picker };
}
