import {
  type Call,
  type Clock,
  type Gate,
  isRpcError,
  type Layer,
  type RpcError,
  type Service,
  type StreamLayer,
  type StreamService,
} from '@org/rpc-core';
import { guardStreamLayers } from '@org/rpc-core/internal';
import { Attempts } from '../attempts/attempts.js';
import type { CallObserver } from '../policy/call-observer.js';
import { belongsTo } from '../policy/name-call.js';
import { ClientStream } from './client-stream.js';

/** What moving the opening of a stream needs from the balancer. */
export interface OpeningNodes {
  /** Whether the client has been closed: then no opening moves any more. */
  readonly isClosed: boolean;
  /** Whether a call that one node refused may be answered by a node that was not tried yet. */
  mayBeAnswered(call: Call): boolean;
  /** Names the instances that a call is not given to, for its error. */
  leftOut(call: Call): string;
}

/** An opening has failed at `from`, and is tried elsewhere. */
export type OnMove = (call: Call, from: Call, error: RpcError) => void;

/**
 * The opening of a stream may move to another node, once, if nothing of it was started: it was never sent, or it was refused by a
 * server that drains, or by a server without the method or the key that other servers may have. A stream that was opened, or that has taken
 * items of the caller, is never repeated.
 */
export function moveOnce(clock: Clock, nodes: OpeningNodes, onMove?: OnMove): Layer {
  return (next) => async (call) => {
    let attempts: Attempts | undefined;
    for (let attempt = call; ; ) {
      try {
        const end = await next(attempt);
        attempts?.commit();
        return end;
      } catch (thrown) {
        attempts ??= new Attempts(
          call,
          clock,
          () => nodes.isClosed,
          (failed) => nodes.leftOut(failed),
        );
        const error = attempts.failed(attempt, thrown);
        const hasPulled = call.stream instanceof ClientStream && call.stream.hasPulled;
        if (hasPulled || !attempts.takeFree(error, (denied) => nodes.mayBeAnswered(denied)))
          throw attempts.giveUp(error, '');
        const moved = attempts.next();
        onMove?.(moved, attempt, error);
        attempt = moved;
      }
    }
  };
}

/** Enters the gates of the attempt. An opened stream ends with its call's deadline and has none of its own. */
export function streamAttempt(gate: Required<Gate>, observer: CallObserver): Layer {
  return (next) => (call) => {
    call.attemptDeadline = call.deadline;
    const refusal = gate.enter(call);
    if (refusal !== undefined) return Promise.reject(refusal);
    call.attemptGate = gate;
    if (call.root.observed !== undefined) observer.attemptStarts(call);
    return next(call);
  };
}

/** Below the user's layers: the stream of the call, which starts when its first item is asked for. */
export function openWith(serve: Service): StreamService {
  return (call, items) => (call.stream as ClientStream).prepare(serve, call, items);
}

/** The user's layers around the innermost service. What they throw belongs to the call. */
export function streamLayers(layers: readonly StreamLayer[], innermost: StreamService): StreamService {
  if (layers.length === 0) return innermost;
  const layered = guardStreamLayers(layers).reduceRight<StreamService>((next, layer) => layer(next), innermost);
  return async function* named(call, items) {
    try {
      yield* layered(call, items);
    } catch (error) {
      throw isRpcError(error) ? belongsTo(call, error) : error;
    }
  };
}
