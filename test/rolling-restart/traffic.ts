import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@org/rpc';
import { Rolling } from './service.js';

/** What became of the calls of one kind. */
export interface KindReport {
  made: number;
  failed: number;
  /** The first few failures, in words. */
  readonly reasons: string[];
}

/** Calls of all kinds until it is stopped. */
export interface Traffic {
  readonly byKind: Readonly<Record<string, KindReport>>;
  readonly made: number;
  /** How often a reader of a stream without end has moved, or its stream has ended in order. */
  readonly moved: number;
  /** Resolves when every call has ended. */
  stop(): Promise<void>;
}

const TICK_MS = 5;

/** Begins to call, so often a second in all, whatever becomes of the calls before. Of the kinds every tenth call is a stream. */
export function startTraffic(client: Client, perSecond: number): Traffic {
  const rolling = client.service(Rolling);
  const byKind: Record<string, KindReport> = {};
  const open = new Set<Promise<void>>();
  const stopper = new AbortController();
  let made = 0;
  let moved = 0;
  const run = (kind: string, call: () => Promise<unknown>): void => {
    byKind[kind] ??= { made: 0, failed: 0, reasons: [] };
    const report = byKind[kind];
    report.made++;
    made++;
    const ended = call().then(
      () => void open.delete(ended),
      (error: unknown) => {
        open.delete(ended);
        report.failed++;
        if (report.reasons.length < 5) report.reasons.push(String(error));
      },
    );
    open.add(ended);
  };
  const streams = [
    () => run('stream', () => expectSum(rolling.count(20), 210)),
    () => run('upload', () => rolling.sum(slowly(20)).then((sum) => expect(sum, 210))),
    () => run('duplex', () => expectSum(rolling.echo(slowly(20)), 210)),
  ];
  const oneCall = (): void => {
    const id = made;
    const turn = id % 10;
    if (turn === 9) streams[Math.floor(id / 10) % 3]!();
    else if (turn >= 7) run('one-way', async () => rolling.tell(id));
    else if (turn >= 4) run('idempotent', () => rolling.ask(id).then((answer) => expect(answer, id)));
    else run('not idempotent', () => rolling.once(id).then((answer) => expect(answer, id)));
  };
  const beganAt = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - beganAt) * perSecond) / 1_000;
    while (made < due) oneCall();
  }, TICK_MS);
  const { signal } = stopper;
  /** Reads without end, one stream after the other. */
  const read = (kind: 'news' | 'bulletin') =>
    run(kind, async () => {
      while (!signal.aborted) {
        const leave = new AbortController();
        const stub = rolling.with({ onDraining: () => kind === 'news' && leave.abort() });
        for await (const item of stub[kind]()) {
          expect(typeof item, 'number');
          if (signal.aborted || leave.signal.aborted) break;
        }
        if (!signal.aborted) moved++;
      }
    });
  for (let reader = 0; reader < 5; reader++) for (const kind of ['news', 'bulletin'] as const) read(kind);
  return {
    byKind,
    get made() {
      return made;
    },
    get moved() {
      return moved;
    },
    async stop() {
      clearInterval(timer);
      stopper.abort();
      await Promise.all(open);
    },
  };
}

async function* slowly(upTo: number): AsyncIterable<number> {
  for (let item = 1; item <= upTo; item++) {
    yield item;
    await sleep(5);
  }
}

async function expectSum(items: AsyncIterable<number>, expected: number): Promise<void> {
  let sum = 0;
  for await (const item of items) sum += item;
  expect(sum, expected);
}

function expect(found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${String(found)} in place of ${String(expected)}`);
}
