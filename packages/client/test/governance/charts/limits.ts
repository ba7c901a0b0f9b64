import { type Simulation, simulate } from '@org/rpc-testkit';
import type { Chart } from '../chart.js';
import { CAPACITY, overload } from '../rows/throttle.js';
import { answered, attemptsAt, compared, failedPercent, p99Ms, pointsOf } from './figures.js';

/** Many more calls than servers can do, for a while. */
export async function rateLimit(): Promise<Chart> {
  const scene: Simulation = {
    clients: { perSecond: (atMs) => (atMs >= 10_000 && atMs < 25_000 ? 600 : 100) },
    servers: { count: 2, slots: 2, work: 20 },
    durationMs: 40_000,
  };
  const variants = {
    'rateLimit: { perSecond: 150, wait: false }': { rateLimit: { perSecond: 150, wait: false } },
    'no limit': {},
  };
  return {
    title: 'Two servers that can do 200 calls/s are called 600 times a second',
    x: 'second',
    y: 'answered calls a second',
    series: await compared(scene, variants, answered),
    bands: [{ from: 10, until: 25, label: '600 calls/s' }],
  };
}

/** Servers become slow: calls pile up in clients and servers. */
export async function concurrency(): Promise<Chart> {
  const scene: Simulation = {
    clients: { perSecond: 200 },
    servers: { count: 2, slots: 4, work: 20 },
    faults: [{ kind: 'slower', servers: [0, 1], times: 5, fromMs: 10_000, untilMs: 25_000 }],
    durationMs: 40_000,
  };
  const variants = { 'concurrency: { max: 16 }': { concurrency: { max: 16 } }, 'no limit': {} };
  return {
    title: 'Two servers become five times as slow, 200 calls/s',
    x: 'second',
    y: 'p99 of a second, ms',
    series: await compared(scene, variants, p99Ms),
    bands: [{ from: 10, until: 25, label: 'slow' }],
  };
}

/** Servers refuse most of what they are sent. */
export async function throttle(): Promise<Chart> {
  const attempts = attemptsAt();
  const variants = { 'by default': {}, 'throttle: false': { throttle: false } } as const;
  const figure: typeof attempts = (...part) => attempts(...part) / CAPACITY;
  return {
    title: 'Two servers can do a tenth of what is sent, until second 45',
    x: 'second',
    y: 'attempts, of what they can do',
    series: await compared(overload({}), variants, figure),
    bands: [{ from: 0, until: 45, label: 'overload' }],
  };
}

/** A method that costs far too much is switched off. */
export async function switchedOff(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 3, perSecond: 200 },
    servers: { count: 2, slots: 4, work: 10 },
    methods: { find: { share: 9 }, report: { share: 1, work: 40 } },
    faults: [{ kind: 'slower', servers: [0, 1], times: 25, methods: ['report'], fromMs: 10_000, untilMs: 35_000 }],
    durationMs: 45_000,
  };
  const off = { mode: 'on', methods: { report: { enabled: false } } };
  const rules = [{ fromMs: 14_000, document: { schemaVersion: 1, switch: off } }];
  const lines = [
    { name: 'report switched off at second 14', rules },
    { name: 'no rule', rules: [] },
  ];
  const series = [];
  for (const { name, rules } of lines) {
    const report = await simulate({ ...scene, rules, warmUpMs: 0 });
    series.push({ name, points: pointsOf(report, failedPercent, 45) });
  }
  const title = 'A tenth of the calls, of one method, take all that servers have';
  const bands = [{ from: 10, until: 35, label: 'reports take 1 s' }];
  return { title, x: 'second', y: 'failed calls, %', series, bands };
}
