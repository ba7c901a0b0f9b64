import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@org/rpc';
import { seededRandom } from '@org/rpc-testkit';
import type { Rig } from '../rig.js';
import type { Scenario } from '../scenario.js';
import { inTurn } from './in-turn.js';

/** What may be wrong with the line to one server, which is well again when `bring` has ended. */
interface LineTrouble {
  readonly name: string;
  readonly title: string;
  /** As in a scenario. */
  readonly mustNotFail: 'all' | 'idempotent';
  bring(rig: Rig): Promise<void>;
}

const between = (random: Random, least: number, most: number): number => least + Math.floor(random() * (most - least));

/** Bytes go astray in silence. It has to be noticed, and the server be called again in the end. */
function silent(name: string, title: string, set: (rig: Rig) => void): LineTrouble {
  return {
    name,
    title,
    mustNotFail: 'idempotent',
    async bring(rig) {
      const setAt = performance.now();
      set(rig);
      await rig.expect(() => rig.ready() < rig.living.size, 'the silence to be noticed');
      rig.notes.push(`noticed after ${((performance.now() - setAt) / 1_000).toFixed(1)} s`);
      await rig.hold(0.5, 20);
    },
  };
}

/** Bytes come late, slowly or in other portions. It only costs time. */
function slow(name: string, title: string, set: (rig: Rig, random: Random) => void): LineTrouble {
  return {
    name,
    title,
    mustNotFail: 'all',
    async bring(rig) {
      set(rig, seededRandom(1));
      await rig.hold(1, 20);
    },
  };
}

/** Connections end again and again. @param strike - ends all that are there, or sees to it that they end */
function ending(name: string, title: string, strike: (rig: Rig, random: Random) => void): LineTrouble {
  return {
    name,
    title,
    mustNotFail: 'idempotent',
    async bring(rig) {
      const random = seededRandom(1);
      const before = rig.path.accepted;
      const until = performance.now() + (rig.short ? 1_000 : 20_000);
      while (performance.now() < until) {
        strike(rig, random);
        await sleep(200);
      }
      const made = rig.path.accepted - before;
      rig.notes.push(`${made} connections were made`);
      // One client, which waits longer each time: never more than the line takes away.
      rig.check(made <= 200 && rig.path.open <= 8, `${made} connections were made, ${rig.path.open} are open`);
    },
  };
}

const breaking = (by: 'reset' | 'end') => (rig: Rig, random: Random) => {
  const breakAfter = { bytes: () => between(random, 1, 2_000), by };
  rig.path.set({}, { breakAfter });
};

/** The rows of the table. */
const TROUBLES: readonly LineTrouble[] = [
  silent('line-black-hole', 'black hole: the connection stays up, no byte passes in either direction', (rig) =>
    rig.path.set({ swallow: true }),
  ),
  silent('line-answers-lost', 'black hole in one direction: calls arrive, no answer does', (rig) =>
    rig.path.set({}, { swallow: true }),
  ),
  silent('line-calls-lost', 'black hole in the other direction: no call arrives', (rig) =>
    rig.path.set({ swallow: true }, {}),
  ),
  {
    name: 'line-half-open',
    title: 'half-open: the client has gone, and the server is not told',
    mustNotFail: 'idempotent',
    async bring(rig) {
      const server = await rig.behind;
      const said = server.output().length;
      const setAt = performance.now();
      rig.path.set({ swallow: true });
      const isFound = (): boolean => server.output().slice(said).includes('no answer to a PING');
      await rig.expect(isFound, 'the server to give up its connection', 60_000);
      rig.notes.push(`the server gives it up after ${((performance.now() - setAt) / 1_000).toFixed(1)} s`);
    },
  },
  slow('line-late', 'each packet takes 100 to 300 ms longer', (rig, random) =>
    rig.path.set({ delayMs: () => between(random, 50, 150) }),
  ),
  slow('line-lossy', 'each twentieth packet is lost, and sent again after 300 ms', (rig, random) =>
    rig.path.set({ delayMs: () => (random() < 0.05 ? 300 : 0) }),
  ),
  slow('line-narrow', 'the line takes 64 KiB a second', (rig) => rig.path.set({ bytesPerSecond: 65_536 })),
  slow('line-sliced', 'each byte comes in a packet of its own', (rig) => rig.path.set({ slice: true })),
  ending('line-reset', 'connections are reset in the middle of an answer, again and again', breaking('reset')),
  ending('line-truncated', 'connections end in order in the middle of an answer, again and again', breaking('end')),
  ending('line-flapping', 'connections are reset every 200 ms', (rig) => rig.path.reset()),
  ending('line-half-closed', 'the server ends its side with calls in flight, every 200 ms', (rig) =>
    rig.path.end('down'),
  ),
  ending('client-half-closed', 'the client ends its side with calls in flight, every 200 ms', (rig) =>
    rig.path.end('up'),
  ),
];

/** The line between clients and one of three servers is ill; each by itself. */
export const LINES: readonly Scenario[] = TROUBLES.map(({ name, title, mustNotFail, bring }) => ({
  name,
  title,
  mustNotFail,
  setup: { path: true, servers: { processes: 3, each: 1 } },
  async inject(rig) {
    await bring(rig);
    rig.path.set({});
  },
}));

/** The same for a test: one after the other upon two servers. */
export const LINES_IN_TURN: readonly Scenario[] = (['all', 'idempotent'] as const).map((mustNotFail) =>
  inTurn(
    {
      name: `lines-${mustNotFail}`,
      title: `the line to a server is ill in each way in which ${mustNotFail === 'all' ? 'no call' : 'no idempotent call'} may fail`,
      mustNotFail,
      setup: { path: true, servers: { processes: 2, each: 1 } },
    },
    LINES.filter((line) => line.mustNotFail === mustNotFail),
  ),
);
