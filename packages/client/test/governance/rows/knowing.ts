import { type PickerFactory, p2c } from '@org/rpc-client';
import { type ServiceTime, type Simulation, simulate } from '@org/rpc-testkit';
import type { Row } from '../row.js';

/** Mostly around 20 ms, with a long tail. */
const work: ServiceTime = (random) =>
  20 * Math.exp(0.8 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

/** Of two hundred clients each calls each node once in two seconds. Nodes are three quarters busy. */
function scene(nodes: number, seed: number, balancer: PickerFactory, networkMs = 0.25): Simulation {
  return {
    clients: { count: 200, perSecond: 109 * nodes, options: { balancer, timeoutMs: 3_000 } },
    servers: { count: nodes, slots: 4, work, networkMs },
    durationMs: 4_500,
    warmUpMs: 2_000,
    seed,
  };
}

/** A percentile as a multiple of what it is where clients know all queues: answers that take no time are the truth. */
async function ofKnown(
  seed: number,
  nodes: number,
  which: 'p50Ms' | 'p99Ms',
  balancer: PickerFactory,
): Promise<number> {
  const known = await simulate(scene(nodes, seed, p2c({ asks: true }), 0));
  return (await simulate(scene(nodes, seed, balancer)))[which] / known[which];
}

/** Many clients that know little of so many nodes. */
export function knowing(nodes: number): readonly Row[] {
  return (['p50Ms', 'p99Ms'] as const).map(
    (which): Row => ({
      page: 'load-balancing',
      scene: `200 clients of ${nodes} nodes, a call in 2 s for each pair, asks: true`,
      measure: `${which.slice(0, 3)}, of that when all queues are known`,
      unit: 'x',
      bound: 1.15,
      seeds: 1,
      value: (seed) => ofKnown(seed, nodes, which, p2c({ asks: true })),
      control: { what: 'nobody is asked', value: (seed) => ofKnown(seed, nodes, which, p2c()) },
    }),
  );
}
