import type { Call, RpcError } from '@org/rpc-core';
import { isLate } from '@org/rpc-core/internal';

/**
 * Notes on a call that an attempt has ended without a sign of life from its node: the node stands still, or its connection was
 * lost. A call that computes without end, or crashes the process, does that to every node that it is repeated on.
 */
export function noteSilence(attempt: Call, error: RpcError): void {
  const { destination, endedAt, root } = attempt;
  if (destination === undefined || error.progress !== 'maybe-processed') return;
  let at = Number.POSITIVE_INFINITY;
  if (!error.lost) {
    const { heardAt } = destination;
    if (error.code !== 'DEADLINE_EXCEEDED' || heardAt === undefined || isLate(error)) return;
    // At the beginning, earlier bytes of the node may still have been on their way.
    if (heardAt >= (attempt.startedAt + endedAt) / 2) return;
    at = endedAt;
  }
  if (root.silent === undefined) root.silent = [{ destination, at }];
  else root.silent.push({ destination, at });
}

/** How many nodes of {@link noteSilence} are still silent, even though they were asked for a sign of life. */
export function standingStill({ root }: Call): number {
  let count = 0;
  if (root.silent === undefined) return count;
  for (const { destination, at } of root.silent) if ((destination.heardAt ?? at) <= at) count++;
  return count;
}
