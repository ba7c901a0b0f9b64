import { RpcError } from '@org/rpc';

/** Handlers of streams that several tests serve. */
export const streamHandlers = {
  async sum(values: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const value of values) sum += value;
    return sum;
  },
  /** Ends without having read anything. */
  async refuse(): Promise<never> {
    throw new RpcError('FAILED_PRECONDITION', 'as asked');
  },
  async *chat(values: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    yield* values;
  },
  /** Gives back `most` of what comes, and ends. */
  async *short<T>(values: AsyncIterable<T>, most: number): AsyncGenerator<T> {
    let left = most;
    if (left === 0) return;
    for await (const value of values) {
      yield value;
      if (--left === 0) return;
    }
  },
};
