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

/** What each code says when a handler, or the server before it, gave it as the answer. */
const ANSWERS: Readonly<Record<Code, OutcomeKind>> = {
  // The server gave up the work, or says that it cannot do it: another node may.
  DEADLINE_EXCEEDED: 'failure',
  UNAVAILABLE: 'failure',
  // Faults of the handler. A method that always fails is a reason to avoid it on this node.
  INTERNAL: 'failure',
  UNKNOWN: 'failure',
  DATA_LOSS: 'failure',
  RESOURCE_EXHAUSTED: 'overload',
  // The caller went away, however far the work had got.
  CANCELLED: 'ignore',
  // Who calls, or what is called, is wrong: it would be on any other node, unless this one lacks a method or a key.
  UNIMPLEMENTED: 'denied',
  PERMISSION_DENIED: 'denied',
  UNAUTHENTICATED: 'denied',
  // The meaning of the call was refused, by a node that works.
  INVALID_ARGUMENT: 'business',
  NOT_FOUND: 'business',
  ALREADY_EXISTS: 'business',
  FAILED_PRECONDITION: 'business',
  ABORTED: 'business',
  OUT_OF_RANGE: 'business',
};

/** Whether a code says that the caller may not, or that there is no such method. */
export function isDenialCode(code: Code): boolean {
  return ANSWERS[code] === 'denied';
}

function classifyError(error: RpcError): OutcomeKind {
  const { code } = error;
  // It has done its work; that nobody can take the answer is between caller and handler.
  if (error.final && code === 'RESOURCE_EXHAUSTED') return 'business';
  switch (error.progress) {
    case 'unsent':
      // No connection, or none in time, is the node's trouble. All else that was not sent was refused here.
      return code === 'UNAVAILABLE' ? 'failure' : 'ignore';
    case 'refused':
      // A server that drains leaves in order: it is picked no more, and nothing of it is broken.
      if (code === 'UNAVAILABLE') return 'ignore';
      // Its queue is longer than the time that the call had left.
      return code === 'DEADLINE_EXCEEDED' ? 'overload' : ANSWERS[code];
    case 'maybe-processed':
      // This process was too busy to look: the answer may have been in time.
      if (code === 'DEADLINE_EXCEEDED' && isLate(error)) return 'ignore';
      return ANSWERS[code];
    default:
      return ANSWERS[code];
  }
}
