import {
  callContext,
  defineService,
  duplex,
  method,
  notify,
  RpcError,
  type ServiceHandlers,
  stream,
  upload,
} from '@org/rpc';
import { countSent, type Ledger } from './ledger.js';
import type { ProcessClock } from './process-clock.js';
import type { Flow } from './script.js';

/** What a handler gives back, from which its caller can see that it is the answer to its call. */
export interface Answer {
  readonly id: number;
  readonly host: string;
  readonly data: Uint8Array;
}

/** One item of a stream. */
export interface Piece {
  readonly id: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/** Every kind of call that there is. */
export const Work = defineService('work', {
  repeatable: method<(flow: Flow) => Promise<Answer>>({ idempotent: true }),
  once: method<(flow: Flow) => Promise<Answer>>(),
  note: notify<(flow: Flow) => void>(),
  count: stream<(flow: Flow) => AsyncIterable<Piece>>(),
  gather: upload<(items: AsyncIterable<Piece>, flow: Flow) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<Piece>, flow: Flow) => AsyncIterable<Piece>>(),
});

/** The bytes that belong to a number: another one has others. */
export function dataOf(id: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(id % 251);
}

/** Whether they are those of {@link dataOf}. */
export function isDataOf(id: number, bytes: number, data: Uint8Array): boolean {
  return data.length === bytes && (bytes === 0 || (data[0] === id % 251 && data[bytes - 1] === id % 251));
}

/** The process in which handlers run. */
export interface Workplace {
  readonly host: string;
  readonly clock: ProcessClock;
  readonly ledger: Ledger;
  /** How many times as long work takes now. */
  slowTimes: number;
  /** What a call fails with now. */
  fails(): RpcError | undefined;
}

/** Waits in virtual time. A call with an even number ends when it is cancelled, the others go on as handlers do that do not look. */
function pause(ms: number, id: number, clock: ProcessClock): Promise<void> {
  const signal = callContext()?.signal;
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const abort = (): void => {
      cancel();
      reject(signal!.reason as Error);
    };
    cancel = clock.schedule(ms, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    if (signal === undefined || id % 2 !== 0) return;
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

/** Checks that the items of a stream come one after the other, and lets who sends them see how far they got. */
export async function* inOrder(
  items: AsyncIterable<Piece>,
  name: string,
  { id, bytes, readMs }: Pick<Flow, 'id' | 'bytes' | 'readMs'>,
  { ledger, wait }: { readonly ledger: Ledger; readonly wait: (ms: number) => Promise<void> },
): AsyncGenerator<Piece> {
  const flow = ledger.flow(name, bytes);
  let index = 0;
  for await (const piece of items) {
    if (piece.id !== id || !isDataOf(id, bytes, piece.data))
      ledger.violate('I3', `${name} was given an item of ${piece.id}`);
    if (piece.index !== index) ledger.violate('I4', `${name} was given item ${piece.index}, where ${index} is due`);
    index = piece.index + 1;
    flow.taken++;
    yield piece;
    if (readMs > 0) await wait(readMs);
  }
}

/** The items of a stream, with the pauses of who sends them. */
export async function* pieces(
  name: string,
  { id, bytes, items, sendMs }: Flow,
  { ledger, wait }: { readonly ledger: Ledger; readonly wait: (ms: number) => Promise<void> },
): AsyncGenerator<Piece> {
  const flow = ledger.flow(name, bytes);
  for (let index = 0; index < items; index++) {
    if (sendMs > 0) await wait(sendMs);
    countSent(flow);
    yield { id, index, data: dataOf(id, bytes) };
  }
}

/** What serves {@link Work} in a process. */
export function workHandlers(place: Workplace): ServiceHandlers<typeof Work> {
  const { host, clock, ledger } = place;
  const begin = async (flow: Flow): Promise<void> => {
    ledger.executed(flow.id, host, callContext()?.metadata['rpc-mirror'] !== undefined);
    const failure = place.fails();
    if (failure !== undefined) throw failure;
    // What a handler begins it ends before the run is over.
    if (flow.workMs > 0) await pause(Math.min(3_000, flow.workMs * place.slowTimes), flow.id, clock);
    if (flow.code !== undefined) throw new RpcError(flow.code, 'as asked');
  };
  const answer = async (flow: Flow): Promise<Answer> => {
    await begin(flow);
    return { id: flow.id, host, data: dataOf(flow.id, flow.bytes) };
  };
  const of = (flow: Flow) => ({ ledger, wait: (ms: number) => pause(ms, flow.id, clock) });
  return {
    repeatable: answer,
    once: answer,
    note: begin,
    async *count(flow) {
      await begin(flow);
      yield* pieces(`${flow.id} down`, flow, of(flow));
    },
    async gather(items, flow) {
      await begin(flow);
      let count = 0;
      for await (const _ of inOrder(items, `${flow.id} up`, flow, of(flow))) count++;
      return count;
    },
    async *chat(items, flow) {
      await begin(flow);
      const down = ledger.flow(`${flow.id} down`, flow.bytes);
      for await (const piece of inOrder(items, `${flow.id} up`, { ...flow, readMs: 0 }, of(flow))) {
        countSent(down);
        yield piece;
      }
    },
  };
}
