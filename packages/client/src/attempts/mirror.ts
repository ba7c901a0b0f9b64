import {
  Call,
  type Clock,
  type Code,
  isRpcError,
  type Layer,
  type MirrorOptions,
  type NodeSubset,
  type Random,
} from '@org/rpc-core';
import type { Complete } from '@org/rpc-core/internal';
import type { MirrorEvent } from '../events.js';
import { differences } from '../policy/difference.js';
import { ownOf } from '../policy/fold.js';
import { Subset } from '../policy/route.js';

/** What holds for the mirror of a method; `percent` is 0 when there is none. */
export type MirrorValues = Complete<MirrorOptions, 'to'>;

/** What a mirror is made of. */
export interface MirrorSettings {
  readonly now: () => MirrorValues;
  readonly clock: Clock;
  readonly random: Random;
  /** Gives a call to one of the nodes of its subset, if one is well and free; `undefined` otherwise. */
  readonly offer: (call: Call) => Promise<unknown> | undefined;
  readonly onMirror: (event: MirrorEvent) => void;
}

/** Goes with each mirror, so that servers can tell it: `rpc-mirror: 1`. */
const MARK = 'rpc-mirror';

/**
 * Makes a share of the calls a second time elsewhere, and has nothing of it but a comparison. The caller is given the answer of its
 * own call, when that comes. A mirror waits for nothing, is never repeated, is the least important of all calls, draws on no limit and no
 * budget, and says nothing of the health of its node.
 */
export function mirror(settings: MirrorSettings): Layer {
  let inFlight = 0;
  return (next) => (call) => {
    const values = ownOf(call)?.mirror ?? settings.now();
    if (values.percent === 0 || !call.idempotent || call.oneWay || call.pinned !== undefined) return next(call);
    if (inFlight >= values.maxInFlight || settings.random() * 100 >= values.percent) return next(call);
    const { clock } = settings;
    const startedAt = clock.now();
    const answer = next(call);
    const copy = mirrorOf(call, values, startedAt);
    const mirrored = settings.offer(copy);
    if (mirrored === undefined) return answer;
    inFlight++;
    const over = settle(mirrored, clock, startedAt);
    over.then(() => inFlight--);
    if (values.compare) {
      // Looked at before the caller sees it, who may change it.
      const own = settle(answer, clock, startedAt, snapshot);
      Promise.all([own, over]).then(([from, to]) => settings.onMirror(eventOf(call, copy, from, to)));
    }
    return answer;
  };
}

function mirrorOf(call: Call, { to }: MirrorValues, now: number): Call {
  const copy = new Call(call.methodRef, call.args, false);
  copy.createdAt = now;
  copy.hasWaited = true;
  copy.deadline = call.deadline;
  copy.attemptDeadline = call.deadline;
  copy.metadata = { ...call.metadata, [MARK]: '1' };
  copy.idempotent = true;
  copy.priority = 0;
  copy.hashKey = call.hashKey;
  copy.mayRepeat = false;
  copy.mayRepeatBelow = false;
  // No first attempt, or it could be the trial call of a node.
  copy.attempt = 1;
  copy.subset = subsetOf(to);
  return copy;
}

const subsets = new WeakMap<object, NodeSubset>();

function subsetOf(to: MirrorOptions['to']): NodeSubset | undefined {
  if (to === undefined) return undefined;
  let subset = subsets.get(to);
  if (subset === undefined) {
    subset = new Subset({ name: 'mirror', otherwise: 'none' }, to);
    subsets.set(to, subset);
  }
  return subset;
}

interface Settled {
  readonly value: unknown;
  readonly code: Code | undefined;
  readonly ms: number;
}

function settle(
  answer: Promise<unknown>,
  clock: Clock,
  from: number,
  look: (value: unknown) => unknown = (value) => value,
): Promise<Settled> {
  return answer.then(
    (value) => ({ value: look(value), code: undefined, ms: clock.now() - from }),
    (error: unknown) => ({
      value: undefined,
      code: isRpcError(error) ? error.code : ('UNKNOWN' as const),
      ms: clock.now() - from,
    }),
  );
}

/** A copy that nobody changes; the value itself when it cannot be copied. */
function snapshot(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

function eventOf({ service, method }: Call, copy: Call, own: Settled, other: Settled): MirrorEvent {
  const found = own.code === undefined && other.code === undefined ? differences(own.value, other.value) : [];
  return {
    service,
    method,
    endpoint: copy.destination?.address ?? '',
    instance: copy.destination?.instance,
    isSame: own.code === other.code && found.length === 0,
    differences: found,
    code: own.code,
    mirrorCode: other.code,
    durationMs: own.ms,
    mirrorMs: other.ms,
  };
}
