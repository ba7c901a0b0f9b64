import type { ClientOptions } from '@org/rpc-client';
import type { Layer } from '@org/rpc-core';
import { simulate, uniformTime } from '@org/rpc-testkit';
import { flatFailures } from '../flat-failures.js';
import { once } from '../once.js';
import { blind } from '../pickers.js';
import type { Row } from '../row.js';

const FAILS_FROM_MS = 5_000;
const FAILS_UNTIL_MS = 30_000;

/** What became of the calls while one of the methods failed at one of four nodes. */
interface Seen {
  /** What that node got of the calls of the other method, in percent of a fair share. */
  readonly shareOfOther: number;
  /** Calls of the method that failed, in percent of its calls. */
  readonly failed: number;
}

/** One of four nodes fails all calls of one of two methods, and answers the other. */
async function oneMethod(seed: number, percent: number, options: ClientOptions = {}): Promise<Seen> {
  const calls = { broken: 0, works: 0 };
  let atNode = 0;
  let failed = 0;
  const watch: Layer = (next) => (call) => {
    if (call.createdAt < FAILS_FROM_MS || call.createdAt >= FAILS_UNTIL_MS) return next(call);
    const { method } = call as { readonly method: keyof typeof calls };
    calls[method]++;
    return next(call).then(
      (value) => {
        if (method === 'works' && call.destination!.address.startsWith('server-0:')) atNode++;
        return value;
      },
      (error: unknown) => {
        failed++;
        throw error;
      },
    );
  };
  await simulate({
    clients: { perSecond: 200, options: { ...options, layers: { unary: [watch, ...(options.layers?.unary ?? [])] } } },
    servers: { count: 4, work: uniformTime(15, 25) },
    methods: { broken: { share: percent }, works: { share: 100 - percent } },
    faults: [
      {
        ...{ kind: 'failing', servers: 0, code: 'INTERNAL', methods: ['broken'] },
        ...{ fromMs: FAILS_FROM_MS, untilMs: FAILS_UNTIL_MS },
      },
    ],
    durationMs: FAILS_UNTIL_MS,
    seed,
  });
  return { shareOfOther: (400 * atNode) / calls.works, failed: (100 * failed) / calls.broken };
}

/** Failures of a method that weigh on its node, whatever is called there. */
function flat(): ClientOptions {
  const { picker, failed } = flatFailures();
  const watch: Layer = (next) => (call) =>
    next(call).catch((error: unknown) => {
      failed(call);
      throw error;
    });
  return { layers: { unary: [watch] }, balancer: picker };
}

const PAGE = 'load-balancing';

export const ONE_METHOD: readonly Row[] = [20, 70].flatMap((percent) => {
  const scene = `one of 4 nodes fails one method, ${percent} % of the calls, and answers the other`;
  const shipped = once((seed) => oneMethod(seed, percent));
  return [
    {
      page: PAGE,
      scene,
      measure: 'calls of the other at that node, of a fair share',
      unit: '%',
      bound: 80,
      isLeast: true,
      seeds: 3,
      value: async (seed) => (await shipped(seed)).shareOfOther,
      control: {
        what: 'failures that weigh on the node',
        value: async (seed) => (await oneMethod(seed, percent, flat())).shareOfOther,
      },
    },
    {
      page: PAGE,
      scene,
      measure: 'failed of the one',
      unit: '%',
      bound: 1.2,
      seeds: 3,
      value: async (seed) => (await shipped(seed)).failed,
      control: {
        what: 'a pick that looks at nothing',
        value: async (seed) => (await oneMethod(seed, percent, { balancer: blind(), breaker: false })).failed,
      },
    },
  ] satisfies Row[];
});
