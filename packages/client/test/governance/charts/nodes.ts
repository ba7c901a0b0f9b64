import { localFirst, p2c, roundRobin } from '@org/rpc-client';
import type { SubsetOptions } from '@org/rpc-core';
import type { Endpoint } from '@org/rpc-registry';
import { type ServiceTime, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';
import { chooseSubset } from '../../../src/nodes/subset.js';
import type { Chart, Series } from '../chart.js';
import { attemptsAt, compared, type Figure, p99Ms } from './figures.js';

/** One node is slow. */
export async function balancing(): Promise<Chart> {
  const scene: Simulation = {
    clients: { perSecond: 1_000, options: { timeoutMs: 10_000 } },
    servers: { count: 11, slots: 1_000, work: uniformTime(160, 200) },
    faults: [{ kind: 'slow', servers: 0, ms: 2_000, fromMs: 15_000, untilMs: 45_000 }],
    durationMs: 60_000,
  };
  return {
    title: 'One of 11 nodes takes 2 s for each call',
    x: 'second',
    y: 'p99 of a second, ms',
    series: await compared(scene, { 'p2c()': {}, 'roundRobin()': { balancer: roundRobin() } }, p99Ms),
    bands: [{ from: 15, until: 45, label: 'it is slow' }],
  };
}

/** A node comes back cold, and an operator lowers its weight later. */
export async function weights(): Promise<Chart> {
  const weight = { mode: 'on', endpoints: { 'server-0': 20 } };
  const scene: Simulation = {
    clients: { count: 4, perSecond: 400 },
    servers: { count: 4, slots: 16, work: uniformTime(15, 25) },
    faults: [{ kind: 'disconnected', servers: 0, untilMs: 40_000 }],
    rules: [{ fromMs: 80_000, document: { schemaVersion: 1, weight } }],
    durationMs: 100_000,
  };
  const variants = { 'p2c()': {}, 'roundRobin()': { balancer: roundRobin() } };
  return {
    title: 'One of 4 nodes comes later, and is given a lower weight by a rule',
    x: 'second',
    y: 'calls that it gets a second',
    series: await compared(scene, variants, attemptsAt([0]), 2),
    bands: [
      { from: 40, until: 70, label: 'connected: slow start' },
      { from: 80, until: 98, label: 'weight 20' },
    ],
  };
}

/** Around 45 ms, which varies a little. */
const varying: ServiceTime = (random) =>
  40 * Math.exp(0.5 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));

/** Of what arrives, what near nodes get, in percent. */
const nearPercent: Figure = (...part) => (100 * attemptsAt([0, 2, 4])(...part)) / attemptsAt()(...part);

/** Near nodes can carry all, and later not. */
export async function nearFirst(): Promise<Chart> {
  const full = (3 * 8 * 1_000) / 45.3;
  const scene: Simulation = {
    clients: {
      count: 3,
      perSecond: (atMs) => full * (atMs < 30_000 ? 0.7 : 1.5),
      options: { zone: 'a', timeoutMs: 3_000 },
    },
    servers: { count: 6, slots: 8, work: varying, zones: ['a', 'b'], crossZoneMs: 4 },
    durationMs: 60_000,
  };
  return {
    title: 'Three nodes in the zone of the clients, three in another one',
    x: 'second',
    y: 'calls that stay in the zone, %',
    series: await compared(
      scene,
      { 'localFirst()': { balancer: localFirst() }, 'p2c()': { balancer: p2c() } },
      nearPercent,
      2,
    ),
    bands: [{ from: 30, until: 58, label: '1.5 times what near nodes can carry' }],
  };
}

/** How many clients each instance has. */
export async function subset(): Promise<Chart> {
  const instances = Array.from({ length: 100 }, (_, index): Endpoint => {
    const host = `10.0.0.${index}`;
    return { id: `instance-${index}`, host, port: 4399, weight: 100, state: 'up' };
  });
  const clients = 60;
  const lineOf = (name: string, options: (index: number) => SubsetOptions): Series => {
    const counts = new Map(instances.map(({ id }) => [id, 0]));
    for (let index = 0; index < clients; index++)
      for (const { id } of chooseSubset(instances, options(index), `checkout-${index}`))
        counts.set(id, counts.get(id)! + 1);
    return {
      name,
      points: [...counts.values()].sort((a, b) => a - b).map((count, index) => [index + 1, count] as const),
    };
  };
  return {
    title: '60 clients of 100 instances',
    x: 'instances, from the one with the fewest clients to the one with the most',
    y: 'clients that it has',
    series: [
      lineOf('size: 20, index, of: 60', (index) => ({ size: 20, index, of: clients })),
      lineOf('size: 20', () => ({ size: 20 })),
      lineOf('no subset', () => ({ size: 100 })),
    ],
  };
}

/** How long a call to every instance takes, and one to any of them. */
export async function broadcast(): Promise<Chart> {
  const counts = [1, 2, 5, 10, 20, 50, 100];
  const lineOf = async (name: string, kind: 'call' | 'broadcast'): Promise<Series> => {
    const points: [number, number][] = [];
    for (const [index, count] of counts.entries()) {
      const report = await simulate({
        clients: { perSecond: 20, options: { timeoutMs: 10_000 } },
        servers: { count, slots: 64, work: 20 },
        methods: { clear: { kind } },
        durationMs: 30_000,
      });
      points.push([index, report.p50Ms]);
    }
    return { name, points };
  };
  return {
    title: 'Work of 20 ms on average, exponentially distributed',
    x: 'instances',
    y: 'p50, ms',
    series: [await lineOf('broadcast: the slowest of all', 'broadcast'), await lineOf('a call to one of them', 'call')],
    labels: counts.map((count, index) => [index, `${count}`] as const),
  };
}
