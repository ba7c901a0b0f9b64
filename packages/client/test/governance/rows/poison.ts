import type { ClientOptions } from '@org/rpc-client';
import type { Layer } from '@org/rpc-core';
import { type SimulatedFault, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';
import type { Row } from '../row.js';

/** Three nodes with a hundred calls a second, of which one does to its node what the fault says. */
function pool(kind: SimulatedFault['kind'], seed: number, options: ClientOptions = {}): Simulation {
  return {
    clients: { count: 2, perSecond: 100, options },
    servers: { count: 3, work: uniformTime(5, 15) },
    faults: [{ kind, servers: [0, 1, 2], fromMs: 5_000 }],
    durationMs: 15_000,
    seed,
  };
}

/** Repeats twice, whatever the nodes that were tried say. */
const stubborn: Layer = (next) => async (call) => {
  for (let repeats = 0; ; repeats++) {
    try {
      return await next(call);
    } catch (error) {
      if (repeats === 2) throw error;
    }
  }
};

const STUBBORN = { retry: false, timeoutMs: 2_000, attemptTimeoutMs: 500, layers: { unary: [stubborn] } } as const;

/** What the other calls suffer, in percent. */
async function beside(seed: number, kind: 'blocking' | 'crashing', options: ClientOptions = {}): Promise<number> {
  const { failures, calls } = await simulate(pool(kind, seed, options));
  return (100 * (failures - 1)) / calls;
}

/** Nodes that were brought down. */
async function down(seed: number, kind: 'blocking' | 'crashing', options: ClientOptions = {}): Promise<number> {
  const { servers } = await simulate(pool(kind, seed, options));
  return servers.filter(({ attemptsBySecond }) => (attemptsBySecond[8] ?? 0) <= 60).length;
}

export const POISON: readonly Row[] = (['blocking', 'crashing'] as const).flatMap((kind): Row[] => {
  const common = {
    page: 'load-balancing',
    scene: `a call is ${kind === 'blocking' ? 'blocking its node for 5 s' : 'ending the process of its node'}, 3 nodes`,
    seeds: 10,
  };
  const what = 'a repeat whatever the nodes say';
  return [
    {
      ...common,
      measure: 'failed beside it',
      unit: '%',
      bound: 2,
      value: (seed) => beside(seed, kind),
      control: { what, value: (seed) => beside(seed, kind, STUBBORN) },
    },
    {
      ...common,
      measure: 'brought down',
      unit: 'nodes',
      bound: 2,
      value: (seed) => down(seed, kind),
      control: { what, value: (seed) => down(seed, kind, STUBBORN) },
    },
  ];
});
