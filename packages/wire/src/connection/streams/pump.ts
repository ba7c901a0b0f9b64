import { type ItemSender, systemClock } from '@org/rpc-core';

/** How a pump ended: its source ended, or the pump was stopped before that. */
export type PumpEnd = 'ended' | 'stopped';

/** A pump at work. */
export interface Pumping {
  /** Settles when the iterator has ended, has returned after a stop, or has thrown. */
  readonly done: Promise<PumpEnd>;
  /** Nobody wants the items any more: calls the iterator's `return`, even while it is busy with an item. */
  stop(): void;
}

/** Options of a pump. */
export interface PumpOptions {
  /** Runs what calls the iterator, which is then called inside the context of a call. */
  readonly run?: (<T>(step: () => T) => T) | undefined;
  /** Runs after each item. */
  readonly onSent?: (() => void) | undefined;
}

/** How many items a pump sends before it lets the process do something else. */
const ITEMS_PER_TURN = 128;

/**
 * Sends the items of an iterator, pulling no faster than they may go out. An iterator that never waits would otherwise run for as long as
 * there is credit, which is 262,144 small items: meanwhile the process would read nothing, neither calls nor credit.
 */
export function pump(
  iterator: AsyncIterator<unknown> | Iterator<unknown>,
  sender: ItemSender,
  { run = (step) => step(), onSent }: PumpOptions = {},
): Pumping {
  let returned: Promise<unknown> | undefined;
  const stop = (): void => {
    if (returned !== undefined) return;
    const giveUp = (): Promise<unknown> => run(async () => iterator.return?.());
    // What runs in there may write over the item that is being sent.
    returned = sender.untilFree()?.then(giveUp) ?? giveUp();
    // Waiters learn of the error from `done`.
    returned.catch(() => {});
  };
  const isWanted = (): boolean => returned === undefined && !sender.isClosed;
  const work = async (): Promise<PumpEnd> => {
    for (let sent = 1; isWanted(); sent++) {
      for (let open = sender.untilOpen(); open !== undefined; open = sender.untilOpen()) await open;
      if (!isWanted()) break;
      const result = await iterator.next();
      if (result.done === true) return returned === undefined ? 'ended' : 'stopped';
      // Other streams may have used up the connection's credit meanwhile. Nothing else may run between this check and sending.
      for (let open = sender.untilOpen(); open !== undefined; open = sender.untilOpen()) await open;
      if (!isWanted()) break;
      try {
        const sending = sender.send(result.value);
        if (sending !== undefined) await sending;
      } catch (error) {
        stop();
        throw error;
      }
      onSent?.();
      if (sent % ITEMS_PER_TURN === 0) await nextTurn();
    }
    stop();
    await returned;
    return 'stopped';
  };
  // What goes on after an `await` does so in the same context: it need not be entered for each item.
  return { done: run(work), stop };
}

/** Of the process itself, whatever time its calls have: nothing is waited for but what others do meanwhile. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => systemClock.afterPoll(resolve));
}

/** The iterator of an async or plain iterable. @throws TypeError when `items` is neither */
export function iteratorOf(items: unknown, what: string): AsyncIterator<unknown> | Iterator<unknown> {
  const iterable = items as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (typeof items !== 'string') {
    if (typeof iterable?.[Symbol.asyncIterator] === 'function') return iterable[Symbol.asyncIterator]!();
    if (typeof iterable?.[Symbol.iterator] === 'function') return iterable[Symbol.iterator]!();
  }
  throw new TypeError(`${what} must be an async iterable or an iterable`);
}
