import { type SimulatedRules, type Simulation, simulate, uniformTime } from '@org/rpc-testkit';
import type { Chart, Series } from '../chart.js';
import { attemptsAt, compared, type Figure, failedPercent, p99Ms, pointsOf } from './figures.js';

/** Runs a scene once for each of some lists of rules. */
async function byRules(
  scene: Simulation,
  variants: Readonly<Record<string, readonly SimulatedRules[]>>,
  figure: Figure,
): Promise<Series[]> {
  const series: Series[] = [];
  for (const [name, rules] of Object.entries(variants)) {
    const report = await simulate({ ...scene, rules, warmUpMs: 0 });
    series.push({ name, points: pointsOf(report, figure, (scene.durationMs ?? 10_000) / 1_000) });
  }
  return series;
}

/** A new version that is wrong, for a share of the calls or for its share of the instances. */
export async function routes(): Promise<Chart> {
  const to = (version: string) => ({ to: { tags: { version } } });
  const route = (share: number) => ({
    schemaVersion: 1,
    route: {
      mode: 'on',
      routes: [
        { name: 'canary', share, ...to('2') },
        { name: 'rest', ...to('1') },
      ],
    },
  });
  const scene: Simulation = {
    clients: { count: 4, perSecond: 400 },
    servers: { count: 4, work: uniformTime(5, 15), tags: [{ version: '2' }, ...Array(3).fill({ version: '1' })] },
    // Wrong, not ill: nothing that looks after the health of nodes sees it.
    faults: [{ kind: 'failing', servers: 0, code: 'FAILED_PRECONDITION', ms: 10, share: 0.4, fromMs: 10_000 }],
    durationMs: 50_000,
  };
  const canary = [
    { document: route(5) },
    { fromMs: 25_000, document: route(10) },
    { fromMs: 40_000, document: route(0) },
  ];
  return {
    title: 'The new version on one of 4 instances gives 4 of 10 calls a wrong answer',
    x: 'second',
    y: 'wrong answers, %',
    series: await byRules(scene, { 'share: 5, then 10, then 0': canary, 'no route': [] }, failedPercent),
    bands: [
      { from: 10, until: 25, label: 'share: 5' },
      { from: 25.2, until: 40, label: 'share: 10' },
      { from: 40.2, until: 49, label: 'share: 0' },
    ],
  };
}

/** A mirror that hangs. */
export async function mirror(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 2, perSecond: 200 },
    servers: {
      count: 4,
      slots: 8,
      work: uniformTime(10, 30),
      weights: [100, 100, 100, 0],
      tags: [...Array(3).fill({ version: '1' }), { version: '2' }],
    },
    faults: [{ kind: 'frozen', servers: 3, fromMs: 10_000, untilMs: 25_000 }],
    durationMs: 40_000,
  };
  const to = { tags: { version: '2' } };
  const variants = { 'half of the calls mirrored': { mirror: { percent: 50, to } }, 'no mirror': {} };
  return {
    title: 'What callers see while the instance that gets their mirrors stands still',
    x: 'second',
    y: 'p99 of a second, ms',
    series: await compared(scene, variants, p99Ms),
    bands: [{ from: 10, until: 25, label: 'it stands still' }],
  };
}

/** A rule that makes calls fail, for half of the clients. */
export async function fault(): Promise<Chart> {
  const rule = (mode: string) => ({
    schemaVersion: 1,
    fault: { mode, percent: 50, errorPercent: 20, code: 'INTERNAL' },
  });
  const scene: Simulation = {
    clients: { count: 20, perSecond: 400 },
    servers: { count: 3, work: uniformTime(10, 30) },
    durationMs: 40_000,
  };
  const steps = (mode: string) => [
    { fromMs: 10_000, document: rule(mode) },
    { fromMs: 25_000, document: rule('off') },
  ];
  return {
    title: 'A rule lets a fifth of the calls of half of the clients fail',
    x: 'second',
    y: 'failed calls, %',
    series: await byRules(scene, { 'mode: on': steps('on'), 'mode: dark': steps('dark') }, failedPercent),
    bands: [{ from: 10, until: 25, label: 'the rule' }],
  };
}

/** One-way calls while nobody is there. */
export async function retryLater(): Promise<Chart> {
  const scene: Simulation = {
    clients: { count: 2, perSecond: 50 },
    servers: { count: 2, work: uniformTime(1, 3) },
    methods: { record: { kind: 'notify' } },
    faults: [{ kind: 'killed', servers: [0, 1], fromMs: 10_000, untilMs: 20_000 }],
    durationMs: 30_000,
  };
  const variants = { 'retryLater: true': { retryLater: true }, 'without it': {} } as const;
  return {
    title: 'One-way calls, 50 a second, while all servers are gone for 10 s',
    x: 'second',
    y: 'calls that arrive a second',
    series: await compared(scene, variants, attemptsAt()),
    bands: [{ from: 10, until: 20, label: 'gone' }],
  };
}
