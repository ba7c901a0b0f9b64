import assert from 'node:assert/strict';
import { outcome, type Road, read } from './road.js';
import { LaterThings } from './things.js';

/** Something that anybody may ask of a client, so many times. It fails when its calls do not end as they should. */
export interface Deed {
  /** How many bring out what a small number does not. */
  readonly many: number;
  /** How many take no more than about a second of real time. */
  readonly few: number;
  readonly run: (road: Road, count: number) => Promise<unknown>;
}

export const DEEDS: Readonly<Record<string, Deed>> = {
  'calls that are aborted together': {
    many: 1_200,
    few: 400,
    run: async (road, count) => {
      const { signal, abort } = abortable();
      const calls = times(count, () => outcome(road.things.with({ signal }).hang()));
      await road.pause(100);
      abort();
      await all(calls, 'CANCELLED');
    },
  },
  'calls that are aborted a moment after they were made': {
    many: 4_000,
    few: 400,
    run: async (road, count) => {
      for (let left = count; left > 0; left -= 100) {
        const { signal, abort } = abortable();
        const calls = times(Math.min(100, left), () => outcome(road.things.with({ signal }).hang()));
        await road.pause(5);
        abort();
        await all(calls, 'CANCELLED');
      }
    },
  },
  'streams that one signal aborts': {
    many: 1_300,
    few: 400,
    run: async (road, count) => {
      const { signal, abort } = abortable();
      const streams = times(count, () => outcome(read(road.things.with({ signal }).endless(100))));
      await road.pause(200);
      abort();
      await all(streams, 'CANCELLED');
    },
  },
  'streams that are aborted before they have begun': {
    many: 1_300,
    few: 400,
    run: async (road, count) => {
      const { signal, abort } = abortable();
      const streams = times(count, () => outcome(read(road.things.with({ signal }).endless(100))));
      await road.pause(1);
      abort();
      await all(streams, 'CANCELLED');
    },
  },
  'streams that are silent for too long': {
    many: 1_500,
    few: 400,
    run: (road, count) =>
      all(
        times(count, () => outcome(read(road.things.with({ idleTimeoutMs: 500 }).mute()))),
        'DEADLINE_EXCEEDED',
      ),
  },
  'streams that are left after their first item': {
    many: 2_000,
    few: 400,
    run: async (road, count) => {
      for (let left = count; left > 0; left -= 200)
        await all(
          times(Math.min(200, left), () => outcome(read(road.things.endless(5_000), 1))),
          'fine',
        );
    },
  },
  'one-way calls to a method that is not there': {
    many: 300,
    few: 20,
    run: async (road, count) => {
      const later = road.client.service(LaterThings);
      for (let i = 0; i < count; i++) {
        await later.later(i);
        await road.pause(50);
      }
    },
  },
  'more calls at once than a connection takes': {
    many: 6_000,
    few: 400,
    run: async (road, count) => {
      const { signal, abort } = abortable();
      const calls = times(count, () => outcome(road.things.with({ signal }).hang()));
      await road.pause(200);
      abort();
      await Promise.all(calls);
    },
  },
  'uploads that fail at once': {
    many: 3_000,
    few: 400,
    run: (road, count) =>
      all(
        times(count, () => outcome(road.things.refuse(items('item', 5)))),
        'FAILED_PRECONDITION',
      ),
  },
  'streams both ways whose last item is granted back after both ends': {
    many: 300,
    few: 300,
    run: (road, count) =>
      all(
        times(count, (i) => outcome(read(road.things.short(endingLate(road, Buffer.alloc(40_000), i % 40), 1)))),
        'fine',
      ),
  },
  'streams that time out in the same second': {
    many: 2_500,
    few: 400,
    run: async (road, count) => {
      const streams = times(count, () => outcome(read(road.things.with({ timeoutMs: 500 }).endless(100))));
      await all(streams, 'DEADLINE_EXCEEDED');
      await road.pause(500);
    },
  },
  'streams both ways whose ends meet': {
    many: 200,
    few: 200,
    run: (road, count) =>
      all(
        times(count, (i) => outcome(read(road.things.short(items('item', i % 5), i % 4)))),
        'fine',
      ),
  },
  'calls whose deadline passes': {
    many: 3_000,
    few: 400,
    run: (road, count) =>
      all(
        times(count, () => outcome(road.things.with({ timeoutMs: 100 }).hang())),
        'DEADLINE_EXCEEDED',
      ),
  },
  'calls to a method that is not there': {
    many: 2_000,
    few: 400,
    run: (road, count) => {
      const later = road.client.service(LaterThings);
      return all(
        times(count, () => outcome(later.absent())),
        'UNIMPLEMENTED',
      );
    },
  },
  'large uploads that are over early': {
    many: 60,
    few: 60,
    run: (road, count) => {
      const item = Buffer.alloc(300_000);
      const refused = times(count, () => outcome(road.things.refuse(items(item))));
      const short = times(count, () => outcome(read(road.things.short(items(item), 1))));
      return Promise.all([all(refused, 'FAILED_PRECONDITION'), all(short, 'fine')]);
    },
  },
  'large calls that are aborted while they are sent': {
    many: 200,
    few: 40,
    run: async (road, count) => {
      for (let left = count; left > 0; left -= 10) {
        const { signal, abort } = abortable();
        const calls = times(10, () => outcome(road.things.with({ signal }).echo(Buffer.alloc(500_000))));
        await road.pause((left / 10) * 3);
        abort();
        await Promise.all(calls);
      }
    },
  },
  'large items whose reader leaves in the middle of one': {
    many: 100,
    few: 20,
    run: async (road, count) => {
      for (let i = 0; i < count; i++) {
        const { signal, abort } = abortable();
        const stream = outcome(read(road.things.with({ signal }).endless(900_000)));
        await road.pause(40 + (i % 20));
        abort();
        await stream;
      }
    },
  },
  'metadata as large as it may be, and larger': {
    many: 5,
    few: 5,
    run: async ({ things }, count) => {
      for (const bytes of [10, 16_000, 16_384, 17_000, 70_000].slice(0, count)) {
        await outcome(things.headers(bytes));
        await outcome(things.with({ metadata: { large: 'x'.repeat(bytes) } }).echo(1));
      }
    },
  },
};

/** Items without end, as fast as they are taken, or so many of them. */
export async function* items<T>(item: T, count = Number.POSITIVE_INFINITY): AsyncGenerator<T> {
  for (let i = 0; i < count; i++) yield item;
}

/** A signal and what aborts it. */
export function abortable(): { signal: AbortSignal; abort(): void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

/** So many of what is made. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** Waits for all of them. @throws when one has ended otherwise */
async function all(outcomes: readonly Promise<string>[], expected: string): Promise<void> {
  const counts: Record<string, number> = {};
  for (const each of await Promise.all(outcomes)) counts[each] = (counts[each] ?? 0) + 1;
  assert.deepEqual(counts, { [expected]: outcomes.length });
}

/** One item, and some time later the end. */
async function* endingLate(road: Road, item: unknown, ms: number): AsyncGenerator<unknown> {
  yield item;
  await road.pause(ms);
}
