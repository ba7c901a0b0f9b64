import type { Code, Outcome, RpcError } from '@org/rpc-core';
import { isLate } from '@org/rpc-core/internal';

/**
 * What the outcome of an attempt says of the node that it went to.
 *
 * - `ok`: it answered with a result.
 * - `failure`: it, or the way to it, did not do its work. Counts against the node.
 * - `overload`: it is well and has too much to do. Makes it less attractive, never counts as broken.
 * - `business`: the handler ran and its answer is an error that the caller is to read: the node works.
 * - `denied`: who calls, or what is called, is wrong, with this node or with all: only its peers can tell.
 * - `ignore`: it says nothing of the node.
 */
export type OutcomeKind = 'ok' | 'failure' | 'overload' | 'business' | 'denied' | 'ignore';

/** Says what the outcome of an attempt means for the health of its node: one table for load, breakers and probes. */
export function classify(outcome: Outcome): OutcomeKind {
  return outcome === undefined ? 'ok' : classifyError(outcome);
}

/** What each code means as the answer of a handler or of the server. */
const ANSWERS: Readonly<Record<Code, OutcomeKind>> = {
  // The server gave up the work, or says that it cannot do it: another node may.
  DEADLINE_EXCEEDED: 'failure',
  UNAVAILABLE: 'failure',
  // Faults of the handler. A method that always fails is a reason to avoid it on this node.
  INTERNAL: 'failure',
  UNKNOWN: 'failure',
  DATA_LOSS: 'failure',
  RESOURCE_EXHAUSTED: 'overload',
  // The caller went away, however far the work was.
  CANCELLED: 'ignore',
  // The caller or the method is wrong, as it would be on any other node, unless this one lacks a method or a key.
  UNIMPLEMENTED: 'denied',
  PERMISSION_DENIED: 'denied',
  UNAUTHENTICATED: 'denied',
  // The handler refused the request: the node works.
  INVALID_ARGUMENT: 'business',
  NOT_FOUND: 'business',
  ALREADY_EXISTS: 'business',
  FAILED_PRECONDITION: 'business',
  ABORTED: 'business',
  OUT_OF_RANGE: 'business',
};

/** Whether a code says that the caller is not allowed, or that there is no such method. */
export function isDenialCode(code: Code): boolean {
  return ANSWERS[code] === 'denied';
}

function classifyError(error: RpcError): OutcomeKind {
  const { code } = error;
  // The node has done its work; that the answer cannot be taken is a matter of caller and handler.
  if (error.final && code === 'RESOURCE_EXHAUSTED') return 'business';
  switch (error.progress) {
    case 'unsent':
      // No connection, or none in time, counts against the node. Everything else that was not sent was refused here.
      return code === 'UNAVAILABLE' ? 'failure' : 'ignore';
    case 'refused':
      // A draining server leaves in order: it is not picked any more, and is not broken.
      if (code === 'UNAVAILABLE') return 'ignore';
      // The wait in its queue was longer than the time that the call had left.
      return code === 'DEADLINE_EXCEEDED' ? 'overload' : ANSWERS[code];
    case 'maybe-processed':
      // This process was too busy to read in time: the answer may have come before the deadline.
      if (code === 'DEADLINE_EXCEEDED' && isLate(error)) return 'ignore';
      return ANSWERS[code];
    default:
      return ANSWERS[code];
  }
}
