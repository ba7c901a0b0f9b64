import type { CallContext } from './context.js';
import type { Destination, NodeSubset, SilentNode } from './destination.js';
import type { AttemptRecord, RpcError } from './error.js';
import type { Explanation } from './explanation.js';
import type { ItemReceiver, ItemSender } from './items.js';
import type { Metadata } from './metadata.js';
import type { MethodRef } from './method-ref.js';
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

/** A policy that only refuses or records. It is synchronous and fused with its neighbours, and sees an outcome without a promise of its own. */
export interface Gate {
  /** Refuses the call by returning an error; gates entered before it are settled with that error, later ones never see it. */
  enter?(call: Call): RpcError | undefined;
  /** Runs when the outcome is known and before the caller's promise resolves. Must not throw. */
  settle?(call: Call, outcome: Outcome): void;
}

/** Why an attempt is given up: its `caller` no longer wants it, or another attempt of the call was faster (`hedge lost`). */
export type AbandonReason = 'caller' | 'hedge lost';

/** What holds a call while its answer is awaited and can give it up: a connection, or a queue. */
export interface CallHolder {
  /** Half of the time of the attempt has passed. Left out: nothing happens then. */
  halfway?(call: Call): void;
  /** The deadline passed. `late`: this process was too busy to notice in time, which is not the server's fault. */
  expire(call: Call, late: boolean): void;
  /** Nobody wants the call any more: it settles with `error` at once, and the server is told why (default `caller`). */
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

/**
 * One call, or one attempt of it. The first attempt *is* the call; later ones are copies that name it as their `parent`.
 * It carries arguments, not bytes: each attempt encodes straight into its connection's output.
 *
 * Mutable, and one hidden class for the whole hot path. Many calls may wait, so each is small: booleans are bits, and properties that
 * most calls never have are in a record that is made when one is first set. A user's layer may set `metadata`, lower `deadline`, or read
 * the rest.
 */
export class Call {
  readonly methodRef: MethodRef;
  args: readonly unknown[];
  /** Absolute, in the clock's milliseconds; `Infinity` for none. Bounds all attempts and waits. */
  deadline: number;
  /** Who has set `deadline`: its maker, or the call being served, which had less time; `undefined` for what holds for its method. */
  deadlineBy: 'call' | 'served call' | undefined = undefined;
  /** Absolute; the deadline of this attempt, never beyond `deadline`. */
  attemptDeadline: number;
  metadata: Metadata | undefined;
  signal: AbortSignal | undefined;
  /** 0 to 255, higher is more important; 128 is usual. */
  priority: number;
  /** 0 for the first attempt. */
  attempt = 0;
  /** The call of which this is a later attempt. */
  parent: Call | undefined = undefined;
  /** When this attempt was given to its destination, in the clock's milliseconds. */
  startedAt = 0;
  /** When the outcome of this attempt was read from the wire or decided here. */
  endedAt = 0;
  destination: Destination | undefined = undefined;
  /** On the call itself: when the user made the call, in the clock's milliseconds. */
  createdAt = 0;
  /** On the call itself: its record for observers of this process; `undefined` when nobody observes. Who observes, observes every call. */
  observed: object | undefined = undefined;

  /** The fused gates that this call has entered, to be settled. */
  callGate: Required<Gate> | undefined = undefined;
  /** The fused gates that this attempt has entered, to be settled. */
  attemptGate: Required<Gate> | undefined = undefined;

  /** What holds the call now; set while it waits for an answer. */
  holder: CallHolder | undefined = undefined;
  /** The id on its connection while it is in flight there. */
  id = 0;
  /** Settle its promise; set when it is given to what holds it. */
  resolve: ((value: unknown) => void) | undefined = undefined;
  reject: ((error: RpcError) => void) | undefined = undefined;
  /** Runs when this attempt has failed and returns the call's outcome, in place of a promise that waits. Of the first attempt, by retry. */
  recover: ((call: Call, error: RpcError) => Promise<unknown>) | undefined = undefined;

  /** Its place in the `TimerQueue`: the slot, -1 for none, and its neighbours there. */
  timerSlot = -1;
  timerPrevious: Call | undefined = undefined;
  timerNext: Call | undefined = undefined;

  #flags: number;
  #rare: RareParts | undefined = undefined;

  constructor(methodRef: MethodRef, args: readonly unknown[], oneWay: boolean) {
    this.methodRef = methodRef;
    this.args = args;
    this.deadline = Number.POSITIVE_INFINITY;
    this.attemptDeadline = Number.POSITIVE_INFINITY;
    this.metadata = undefined;
    this.signal = undefined;
    this.priority = 128;
    this.#flags = oneWay ? USUAL_FLAGS | Flag.ONE_WAY : USUAL_FLAGS;
  }

  get oneWay(): boolean {
    return (this.#flags & Flag.ONE_WAY) !== 0;
  }

  get idempotent(): boolean {
    return (this.#flags & Flag.IDEMPOTENT) !== 0;
  }

  set idempotent(is: boolean) {
    this.#setFlag(Flag.IDEMPOTENT, is);
  }

  /** Whether half of the time of this attempt has passed. */
  get isHalfway(): boolean {
    return (this.#flags & Flag.HALFWAY) !== 0;
  }

  set isHalfway(is: boolean) {
    this.#setFlag(Flag.HALFWAY, is);
  }

  get waitForReady(): boolean {
    return (this.#flags & Flag.WAIT_FOR_READY) !== 0;
  }

  set waitForReady(is: boolean) {
    this.#setFlag(Flag.WAIT_FOR_READY, is);
  }

  /** Whether this attempt tries a node that has failed, on behalf of all calls: its failure is not charged to the caller. */
  get isTrial(): boolean {
    return (this.#flags & Flag.TRIAL) !== 0;
  }

  set isTrial(is: boolean) {
    this.#setFlag(Flag.TRIAL, is);
  }

  /** Whether the attempt has waited since `startedAt` was set. */
  get hasWaited(): boolean {
    return (this.#flags & Flag.HAS_WAITED) !== 0;
  }

  set hasWaited(is: boolean) {
    this.#setFlag(Flag.HAS_WAITED, is);
  }

  /** Whether it may be retried here; false while serving a call that a caller further up retries. */
  get mayRepeat(): boolean {
    return (this.#flags & Flag.MAY_REPEAT) !== 0;
  }

  set mayRepeat(is: boolean) {
    this.#setFlag(Flag.MAY_REPEAT, is);
  }

  /** Whether its server may retry the calls that it makes for this one; false for a retry, and if this call may not be retried here. */
  get mayRepeatBelow(): boolean {
    return (this.#flags & Flag.MAY_REPEAT_BELOW) !== 0;
  }

  set mayRepeatBelow(is: boolean) {
    this.#setFlag(Flag.MAY_REPEAT_BELOW, is);
  }

  /** Whether this attempt runs beside another one of the call, and so must go to another node. */
  get isHedge(): boolean {
    return (this.#flags & Flag.HEDGE) !== 0;
  }

  set isHedge(is: boolean) {
    this.#setFlag(Flag.HEDGE, is);
  }

  #setFlag(flag: number, is: boolean): void {
    if (is) this.#flags |= flag;
    else this.#flags &= ~flag;
  }

  /** The user's timeout for each attempt, in milliseconds; `undefined` leaves it to the method and the retry policy. */
  get attemptTimeoutMs(): number | undefined {
    return this.#rare?.attemptTimeoutMs;
  }

  set attemptTimeoutMs(value: number | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().attemptTimeoutMs = value;
  }

  /** The picker may send calls with the same key to the same node; `undefined` for nearly all calls. */
  get hashKey(): string | undefined {
    return this.#rare?.hashKey;
  }

  set hashKey(value: string | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().hashKey = value;
  }

  /** On a client: the policies that it was given for itself; `undefined` for nearly all calls. */
  get own(): object | undefined {
    return this.#rare?.own;
  }

  set own(value: object | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().own = value;
  }

  /** The items of a streaming call; `undefined` for all others. */
  get stream(): CallStream | undefined {
    return this.#rare?.stream;
  }

  set stream(value: CallStream | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().stream = value;
  }

  /** On a server: the context that the handler sees; `undefined` on a client. */
  get context(): CallContext | undefined {
    return this.#rare?.context;
  }

  set context(value: CallContext | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().context = value;
  }

  /** The only node that the call is for, whatever a picker would choose; `undefined` for nearly all calls. */
  get pinned(): Destination | undefined {
    return this.#rare?.pinned;
  }

  set pinned(value: Destination | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().pinned = value;
  }

  /** The nodes among which a picker chooses; `undefined` for all. */
  get subset(): NodeSubset | undefined {
    return this.#rare?.subset;
  }

  set subset(value: NodeSubset | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().subset = value;
  }

  /** The record of where a slow call's time goes; `undefined` for nearly all calls. */
  get trail(): CallTrail | undefined {
    return this.#rare?.trail;
  }

  set trail(value: CallTrail | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().trail = value;
  }

  /** On the call itself: the nodes that its concurrent attempts went to; `undefined` unless it is hedged. */
  get rivals(): Destination[] | undefined {
    return this.#rare?.rivals;
  }

  set rivals(value: Destination[] | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().rivals = value;
  }

  /** On the call itself: the nodes that were silent when an attempt on them ended. */
  get silent(): SilentNode[] | undefined {
    return this.#rare?.silent;
  }

  set silent(value: SilentNode[] | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().silent = value;
  }

  /** Failed attempts so far, on the call itself. */
  get attempts(): AttemptRecord[] | undefined {
    return this.#rare?.attempts;
  }

  set attempts(value: AttemptRecord[] | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().attempts = value;
  }

  get responseMetadata(): Metadata | undefined {
    return this.#rare?.responseMetadata;
  }

  set responseMetadata(value: Metadata | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().responseMetadata = value;
  }

  /** On the call itself: runs when its outcome is final, before its promise settles. */
  get onSettled(): ((call: Call, outcome: Outcome) => void) | undefined {
    return this.#rare?.onSettled;
  }

  set onSettled(value: ((call: Call, outcome: Outcome) => void) | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().onSettled = value;
  }

  /** On the call itself: what its attempts found, if its caller wants to know; `undefined` for nearly all calls. */
  get explanations(): Explanation[] | undefined {
    return this.#rare?.explanations;
  }

  set explanations(value: Explanation[] | undefined) {
    if (value !== undefined || this.#rare !== undefined) this.#obtainRare().explanations = value;
  }

  #obtainRare(): RareParts {
    this.#rare ??= new RareParts();
    return this.#rare;
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
    copy.own = root.own;
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

  /** Copies the outcome of a later attempt to the call, for readers of the call. */
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
    // The caller's promise waits for the recovery before the recovery begins, so that a stack captured there reaches the caller.
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

/** The boolean properties of a call, as bits. */
const Flag = {
  ONE_WAY: 1,
  IDEMPOTENT: 2,
  WAIT_FOR_READY: 4,
  TRIAL: 8,
  HAS_WAITED: 16,
  MAY_REPEAT: 32,
  MAY_REPEAT_BELOW: 64,
  HEDGE: 128,
  HALFWAY: 256,
} as const;

const USUAL_FLAGS = Flag.MAY_REPEAT | Flag.MAY_REPEAT_BELOW;

/** Properties that most calls never have; each is described at the property of {@link Call} with its name. */
class RareParts {
  attemptTimeoutMs: number | undefined = undefined;
  hashKey: string | undefined = undefined;
  own: object | undefined = undefined;
  stream: CallStream | undefined = undefined;
  context: CallContext | undefined = undefined;
  pinned: Destination | undefined = undefined;
  subset: NodeSubset | undefined = undefined;
  trail: CallTrail | undefined = undefined;
  rivals: Destination[] | undefined = undefined;
  silent: SilentNode[] | undefined = undefined;
  attempts: AttemptRecord[] | undefined = undefined;
  responseMetadata: Metadata | undefined = undefined;
  onSettled: ((call: Call, outcome: Outcome) => void) | undefined = undefined;
  explanations: Explanation[] | undefined = undefined;
}
