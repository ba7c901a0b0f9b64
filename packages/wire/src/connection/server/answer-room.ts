import type { Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';

/**
 * Answers of running handlers may make the write queue this many times as long: their work is done, and a few large answers at
 * once are nobody's mistake.
 */
const UNSENT_FACTOR = 4;

/** The most bytes of an error that replaces an answer for which there is no room. */
export const SHORT_ERROR_BYTES = 1024;

/** What an answer needs to know of its way out. */
export interface AnswerWay {
  /** Whether more waits to be written than `writeQueueBytes`. */
  readonly isFull: boolean;
  /** How many bytes wait to be written. */
  readonly waitingBytes: number;
}

/**
 * Why the answer of a handler that has ended must be dropped: its caller does not read, and without a bound all calls in
 * flight could each leave a message in memory. `undefined` when there is room.
 */
export function noRoomForAnswer(
  { isFull, waitingBytes }: AnswerWay,
  { writeQueueBytes }: Limits,
): RpcError | undefined {
  if (!isFull || waitingBytes <= UNSENT_FACTOR * writeQueueBytes) return undefined;
  const reason = `the answer was dropped: ${waitingBytes} bytes wait for a peer that does not read them, more than ${UNSENT_FACTOR} times limits.writeQueueBytes`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'processed' });
}
