import type { CallContext } from './context.js';
import type { AttemptRecord, RpcError } from './error.js';
import type { ItemReceiver, ItemSender } from './items.js';
import type { Metadata } from './metadata.js';
import type { CallTrail } from './time-spent.js';

/** How an attempt or a call ended: `undefined` is success. */
export type Outcome = RpcError | undefined;

/** One unit of work, as layers see it: resolves with the result, rejects with an {@link RpcError}. */
export type Service = (call: Call) => Promise<unknown>;

/**
 * A policy around a service. `next` may be called zero, one or many times: retries, fallbacks, waits, a user's own layers.
 * A layer that only forwards should `return next(call)`, not `await` it: an async level costs thirteen times a plain one.
 */
export type Layer = (next: Service) => Service;

/**
 * A policy that only refuses or records. It is synchronous and fused with its neighbours, so it sees an outcome without a promise
 * of its own.
 */
export interface Gate {
  /** Refuses the call by returning an error; gates entered before it are settled with that error, later ones never see it. */
  enter?(call: Call): RpcError | undefined;
  /** Runs when the outcome is known and before the caller's promise resolves. Must not throw. */
  settle?(call: Call, outcome: Outcome): void;
}

/** Composes layers around a service; the first is outermost: it sees the call first and the outcome last. */
export function stack(layers: readonly Layer[], innermost: Service): Service {
  return layers.reduceRight<Service>((next, layer) => layer(next), innermost);
}

/** Several gates as one: entered in order, settled in reverse order. */
export function fuseGates(gates: readonly Gate[]): Required<Gate> {
  const enters = gates.map((gate) => gate.enter?.bind(gate));
  const settles = gates.map((gate) => gate.settle?.bind(gate));
  const entering = enters.flatMap((enter, index) => (enter ? [{ enter, index }] : []));
  const settling = settles.filter((settle) => settle !== undefined).reverse();
  return {
    enter(call) {
      for (let i = 0; i < entering.length; i++) {
        const { enter, index } = entering[i]!;
        const refusal = enter(call);
        if (refusal !== undefined) {
          for (let k = index - 1; k >= 0; k--) settles[k]?.(call, refusal);
          return refusal;
        }
      }
      return undefined;
    },
    settle(call, outcome) {
      for (let i = 0; i < settling.length; i++) settling[i]!(call, outcome);
    },
  };
}

/** What an attempt is sent to, as errors name it: the client's node. */
export interface Destination {
  readonly address: string;
  /** When it last said anything, in the clock's milliseconds; `undefined` where nobody knows. */
  readonly heardAt?: number | undefined;
}

/** Why an attempt is given up: its `caller` no longer wants it, or another attempt of the call was faster (`hedge lost`). */
export type AbandonReason = 'caller' | 'hedge lost';

/** Some of the nodes of a service, to which a call is led. */
export interface NodeSubset {
  /** The same for the same nodes. */
  readonly key: string;
  /** The route that leads there, for people. */
  readonly name: string;
  /** Whether a call fails when none of them takes calls, where others would. */
  readonly isStrict: boolean;
  includes(node: Destination): boolean;
}

/** What holds a call while its answer is awaited and can give it up: a connection, or a queue. */
export interface CallHolder {
  /** Half of the time of the attempt has passed. Left out: nothing is done about it. */
  halfway?(call: Call): void;
  /** The deadline passed. `late`: this process was too busy to notice in time, which is not the server's fault. */
  expire(call: Call, late: boolean): void;
  /** Nobody wants it any more; it settles with `error` at once, and the server is told why (`caller` unless told otherwise). */
  abandon(call: Call, error: RpcError, reason?: AbandonReason): void;
}

/** The items of a call, as a client's connection sees them. */
export interface CallStream {
  readonly received: ItemReceiver;
  /** The call has been sent: items may follow. */
  opened(attempt: Call, sender: ItemSender): void;
  /** The server takes no new calls on this connection, and ends this one when its grace is over. */
  draining?(reason: string): void;
}

/** Ends the waits of all calls of a client when the client is closed. */
export interface WaitEnder {
  /** @param end - ends one wait, with the reason */
  add(end: (reason: string) => void): void;
  delete(end: (reason: string) => void): void;
}

/** What is fixed for all calls of one method: made once for each stub method, shared by its calls. */
export interface MethodRef {
  readonly service: string;
  readonly method: string;
  /** The two names as they go on the wire: length of the service, length of the method, service, method. */
  readonly wireName: Uint8Array;
  /** Ends the waits of its calls; without it only the call itself does. */
  readonly waits?: WaitEnder | undefined;
  /** Knows when the event loop of this process was busy; without it nobody does. */
  readonly loop?: LoopWatch | undefined;
}

/** Knows how long the event loop of this process has been busy. */
export interface LoopWatch {
  /** For how long it has certainly been late between two times of the clock, in milliseconds. */
  lateMs(from: number, to: number): number;
}

/**
 * One call, or one attempt of it. The first attempt *is* the call; later ones are copies that name it as their `parent`.
 * It carries arguments, not bytes: each attempt encodes straight into its connection's output.
 *
 * Mutable, and every field is always present: one hidden class for the whole hot path. A user's layer may set `metadata`,
 * lower `deadline`, or read the rest.
 */
export class Call {
  readonly methodRef: MethodRef;
  args: readonly unknown[];
  readonly oneWay: boolean;
  /** Absolute, in the clock's milliseconds; `Infinity` is none. Bounds all attempts and waits. */
  deadline: number;
  /** Absolute; the deadline of this attempt, never beyond `deadline`. */
  attemptDeadline: number;
  /** What the user gave for each attempt, in milliseconds; `undefined` leaves it to the method and the retry policy. */
  attemptTimeoutMs: number | undefined;
  metadata: Metadata | undefined;
  signal: AbortSignal | undefined;
  idempotent: boolean;
  /** 0 to 255, higher is more important; 128 is usual. */
  priority: number;
  hashKey: string | undefined;
  waitForReady: boolean;
  /** The items of a streaming call; `undefined` for all others. */
  stream: CallStream | undefined = undefined;

  /** On a server: the context that the handler sees; `undefined` on a client. */
  context: CallContext | undefined = undefined;

  /** 0 for the first attempt. */
  attempt = 0;
  /** The call of which this is a later attempt. */
  parent: Call | undefined = undefined;
  /** Whether this attempt tries a node that has failed, on behalf of all calls: its failure is not charged to the caller. */
  isTrial = false;
  /** When this attempt was given to its destination, in the clock's milliseconds. */
  startedAt = 0;
  /** When its outcome was read from the wire or decided here. */
  endedAt = 0;
  /** Whether it has waited since `startedAt` was set. */
  hasWaited = false;
  /** What is noted of it while it does not go well; `undefined` for nearly all calls. */
  trail: CallTrail | undefined = undefined;
  destination: Destination | undefined = undefined;
  /** The one node that it is for, whatever a picker would choose; `undefined` for nearly all calls. */
  pinned: Destination | undefined = undefined;
  /** The nodes among which a picker chooses; `undefined` for all. */
  subset: NodeSubset | undefined = undefined;
  /** Whether it may be repeated here; false while a call is served that somebody above repeats. */
  mayRepeat = true;
  /**
   * Whether its server may repeat the calls that it makes for this one; false for a repeat, and for a call that may not be
   * repeated here.
   */
  mayRepeatBelow = true;
  /** On the call itself: the nodes that its concurrent attempts went to; `undefined` unless it is hedged. */
  rivals: Destination[] | undefined = undefined;
  /**
   * On the call itself: the node that was silent when an attempt on it ended, and when that was; `Infinity` when the connection
   * was lost.
   */
  silent: { readonly destination: Destination; readonly at: number }[] | undefined = undefined;
  /** Whether this attempt runs beside another one of the call, and so must go to another node. */
  isHedge = false;
  /** Failed attempts so far, on the call itself. */
  attempts: AttemptRecord[] | undefined = undefined;
  responseMetadata: Metadata | undefined = undefined;
  /** On the call itself: when the user made it, in the clock's milliseconds. */
  createdAt = 0;
  /** On the call itself: runs when its outcome is final, before its promise settles. */
  onSettled: ((call: Call, outcome: Outcome) => void) | undefined = undefined;

  /** On the call itself: its record for observers of this process; `undefined` when there are none. */
  observed: object | undefined = undefined;
  /** The fused gates that this call has entered, to be settled. */
  callGate: Required<Gate> | undefined = undefined;
  /** The fused gates that this attempt has entered, to be settled. */
  attemptGate: Required<Gate> | undefined = undefined;

  /** Who holds it now; set while it waits for an answer. */
  holder: CallHolder | undefined = undefined;
  /** The id on its connection while it is in flight there. */
  id = 0;
  /** The listener on `signal` while it is in flight. */
  onAbort: (() => void) | undefined = undefined;
  /** Settle its promise; set when it is given to what holds it. */
  resolve: ((value: unknown) => void) | undefined = undefined;
  reject: ((error: RpcError) => void) | undefined = undefined;
  /**
   * What is done when this attempt has failed, in place of a promise that waits for it: gives what the call ends with. Set by the
   * layer that repeats, for the first attempt only.
   */
  recover: ((call: Call, error: RpcError) => Promise<unknown>) | undefined = undefined;

  /** Its place in the `TimerQueue`: the slot, -1 for none, and its neighbours there. */
  timerSlot = -1;
  /** Whether half of the time of this attempt has passed. */
  isHalfway = false;
  timerPrevious: Call | undefined = undefined;
  timerNext: Call | undefined = undefined;

  constructor(methodRef: MethodRef, args: readonly unknown[], oneWay: boolean) {
    this.methodRef = methodRef;
    this.args = args;
    this.oneWay = oneWay;
    this.deadline = Number.POSITIVE_INFINITY;
    this.attemptDeadline = Number.POSITIVE_INFINITY;
    this.attemptTimeoutMs = undefined;
    this.metadata = undefined;
    this.signal = undefined;
    this.idempotent = false;
    this.priority = 128;
    this.hashKey = undefined;
    this.waitForReady = false;
  }

  get service(): string {
    return this.methodRef.service;
  }

  get method(): string {
    return this.methodRef.method;
  }

  /** The call that the user made: itself, or the parent of a later attempt. */
  get root(): Call {
    return this.parent ?? this;
  }

  /** A later attempt of the same call, on its way to another destination. */
  nextAttempt(attempt: number): Call {
    const root = this.root;
    const copy = new Call(root.methodRef, root.args, root.oneWay);
    copy.deadline = root.deadline;
    copy.attemptTimeoutMs = root.attemptTimeoutMs;
    copy.metadata = root.metadata;
    copy.signal = root.signal;
    copy.idempotent = root.idempotent;
    copy.priority = root.priority;
    copy.hashKey = root.hashKey;
    copy.waitForReady = root.waitForReady;
    copy.stream = root.stream;
    copy.pinned = root.pinned;
    copy.subset = root.subset;
    copy.mayRepeat = root.mayRepeat;
    copy.mayRepeatBelow = root.mayRepeatBelow && attempt === 0;
    copy.attempt = attempt;
    copy.parent = root;
    return copy;
  }

  /** Settles the attempt, and with it the call: the first success is final. */
  succeed(value: unknown): void {
    const { attemptGate, resolve } = this;
    this.attemptGate = undefined;
    attemptGate?.settle(this, undefined);
    const root = this.parent ?? this;
    const { callGate } = root;
    if (callGate !== undefined) {
      root.callGate = undefined;
      if (root !== this) root.adopt(this);
      callGate.settle(root, undefined);
    }
    resolve?.(value);
  }

  /** Copies the outcome of a later attempt to the call, for those who look at the call. */
  adopt(attempt: Call): void {
    this.destination = attempt.destination;
    this.responseMetadata = attempt.responseMetadata;
    this.endedAt = attempt.endedAt;
  }

  /** Settles the attempt. The retry layer decides whether that ends the call. */
  fail(error: RpcError): void {
    this.settleAttempt(error);
    const { recover } = this;
    if (recover === undefined) return this.reject?.(error);
    this.recover = undefined;
    let begin!: (error: RpcError) => void;
    const failed = new Promise<never>((_, reject) => {
      begin = reject;
    });
    // The caller's promise waits for the recovery before that begins: so a stack that is captured there reaches the caller.
    this.resolve?.(failed.catch((thrown: RpcError) => recover(this, thrown)));
    begin(error);
  }

  /** Settles the gates of the attempt without a promise, when the attempt is refused below them and nothing was sent. */
  settleAttempt(error: RpcError): void {
    const { attemptGate } = this;
    this.attemptGate = undefined;
    attemptGate?.settle(this, error);
  }

  /** Settles the gates of the call: its failure is final. */
  settleCall(error: RpcError): void {
    const { callGate } = this;
    this.callGate = undefined;
    callGate?.settle(this, error);
  }
}

/** Makes the wire form of a method's name, see {@link MethodRef.wireName}. Names are checked when they are defined. */
export function wireName(service: string, method: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(2 + service.length + method.length);
  bytes[0] = service.length;
  bytes[1] = method.length;
  bytes.write(service, 2, 'latin1');
  bytes.write(method, 2 + service.length, 'latin1');
  return bytes;
}
