import { roundRobin } from '@org/rpc-client';
import { type Simulation, uniformTime } from '@org/rpc-testkit';
import type { Chart } from '../chart.js';
import { compared, failedPercent } from './figures.js';

/** One method of one node fails; what else the node does is well. */
export async function breaker(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 2, perSecond: 400, options: { balancer: roundRobin(), retry: false } },
    servers: { count: 5, work: uniformTime(15, 25) },
    methods: { find: { share: 4 }, report: { share: 1 } },
    faults: [
      {
        kind: 'failing',
        servers: 0,
        methods: ['report'],
        share: 0.8,
        code: 'INTERNAL',
        fromMs: 10_000,
        untilMs: 40_000,
      },
    ],
    durationMs: 60_000,
  };
  const series = await compared(scene, { 'by default': {}, 'breaker: false': { breaker: false } }, failedPercent, 2);
  return {
    title: 'One method fails at one of 5 nodes, roundRobin(), no retries',
    x: 'second',
    y: 'failed calls, %',
    series,
    bands: [{ from: 10, until: 40, label: 'it fails' }],
  };
}

/** One node fails in part. */
export async function ejection(): Promise<Chart> {
  const scene: Simulation = {
    clients: { perSecond: 200, options: { retry: false, balancer: roundRobin() } },
    servers: { count: 10, work: uniformTime(15, 25) },
    faults: [{ kind: 'failing', servers: 0, share: 0.4, fromMs: 10_000, untilMs: 45_000 }],
    durationMs: 60_000,
  };
  const series = await compared(scene, { 'by default': {}, 'ejection: false': { ejection: false } }, failedPercent);
  return {
    title: 'One of 10 nodes fails in 4 of 10 calls, roundRobin(), no retries',
    x: 'second',
    y: 'failed calls, %',
    series,
    bands: [{ from: 10, until: 45, label: 'it fails' }],
  };
}

/** A node that has lost its data answers at once. */
export async function failureWhen(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 2, perSecond: 300 },
    servers: { count: 3, slots: 8, work: uniformTime(15, 25) },
    faults: [{ kind: 'failing', servers: 0, code: 'NOT_FOUND', fromMs: 10_000, untilMs: 40_000 }],
    durationMs: 60_000,
  };
  const variants = {
    'NOT_FOUND counts as a failure': {
      failureWhen: ({ code }: { readonly code: string }) => (code === 'NOT_FOUND' ? true : undefined),
    },
    'by default': {},
  };
  return {
    title: 'One of 3 nodes has no data, and says NOT_FOUND at once',
    x: 'second',
    y: 'calls without an answer, %',
    series: await compared(scene, variants, failedPercent),
    bands: [{ from: 10, until: 40, label: 'no data' }],
  };
}

/** Nobody is there for a while. */
export async function fallback(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 2, perSecond: 100 },
    servers: { count: 3, work: uniformTime(15, 25) },
    faults: [{ kind: 'killed', servers: [0, 1, 2], fromMs: 10_000, untilMs: 20_000 }],
    durationMs: 30_000,
  };
  const variants = { 'fallback: { value: [] }': { fallback: { value: [] } }, 'no fallback': {} };
  return {
    title: 'All servers are gone for 10 s',
    x: 'second',
    y: 'failed calls, %',
    series: await compared(scene, variants, failedPercent),
    bands: [{ from: 10, until: 20, label: 'gone' }],
  };
}
