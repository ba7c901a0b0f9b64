import type { Call, CallContext, ContextKey, Metadata, Peer, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { COMPRESSED } from '../../frames/compressed.js';
import { RequestFlag } from '../../frames/frame.js';
import { NO_METADATA } from '../../frames/metadata.js';
import { eldestWith } from '../calls/call-signals.js';
import { deadlinePassed } from '../calls/deadline-passed.js';
import { Section } from '../channel/known-metadata.js';
import type { ServedStream } from '../streams/item-queue.js';

/** A method that a server can run, as its connections see it; the server adds more to it. */
export interface MethodEntry {
  readonly service: string;
  readonly method: string;
  /** Whether its callers send items, which they cannot take back. */
  readonly takesItems?: boolean;
  /** Whether it is of a service of the library's own, whose calls are no traffic. */
  readonly isBuiltIn?: boolean;
}

/** What an incoming call needs of the connection that it came by: its payload, and the ways to answer it. */
export interface IncomingPort<Entry extends MethodEntry = MethodEntry> {
  readonly peer: Peer;
  /** See {@link CallContext.draining}. */
  readonly draining: AbortSignal;
  /** This process's monotonic milliseconds. */
  now(): number;
  /** Runs `run` when the deadline passes; for calls whose handler looks at its signal. */
  atDeadline(deadline: number, run: () => void): () => void;
  /** See {@link IncomingCall.hold}. */
  hold(call: IncomingCall<Entry>): void;
  /** See {@link IncomingCall.inflate}. */
  inflate(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer>;
  /** See {@link IncomingCall.decode}. */
  decode(call: IncomingCall<Entry>, bytes: Buffer, start: number, end: number): readonly unknown[];
  /** See {@link IncomingCall.answer}; asked only while the answer is wanted. */
  answer(call: IncomingCall<Entry>, value: unknown): void | Promise<void>;
  /** See {@link IncomingCall.answerItems}. Where there are no streams, no call has any. */
  answerItems(call: IncomingCall<Entry>, stream: ServedStream, items: () => unknown): Promise<void>;
  /** See {@link IncomingCall.fail}; asked only while the answer is wanted. */
  fail(call: IncomingCall<Entry>, error: RpcError): void;
  /** See {@link IncomingCall.end}. */
  end(call: IncomingCall<Entry>): void;
  /** Whether anything can be answered at all. */
  readonly isOpen: boolean;
}

/**
 * One call on the server, from its request to its answer; at the same time the context that its handler sees. What most handlers
 * never use (signal, metadata, values) is made when it is first asked for.
 *
 * The server's stack decodes its arguments, answers it once (`answer`, `answerItems` or `fail`), and calls `end` when nothing of
 * it runs any more.
 */
export class IncomingCall<Entry extends MethodEntry = MethodEntry> implements CallContext {
  readonly id: number;
  readonly entry: Entry;
  readonly deadline: number;
  args: readonly unknown[];
  /** Bytes of its request, and what its decoded arguments take besides: what it counts against the connection's budget. */
  requestBytes: number;
  /** When it was let in, in the clock's milliseconds, where its time is measured. A number from the start would take memory of its own. */
  sampledAt: number | undefined = undefined;
  /** The time that it was given when it came, in whole milliseconds; 0 when it has no deadline. */
  grantedMs = 0;
  /** How long it has waited until it was let in, in whole milliseconds. */
  waitedMs = 0;
  /** The items of a streaming call; `undefined` for all others. */
  stream: ServedStream | undefined = undefined;
  /** The limits that it has passed, as they were then; `undefined` where there were none. The server's, who alone knows what they are. */
  passed: readonly unknown[] | undefined = undefined;
  /** Its record for observers of this process; `undefined` when there are none. */
  observed: object | undefined = undefined;
  readonly #port: IncomingPort<Entry>;
  /** Flags of the REQUEST, attempt and priority, a byte each: many calls may wait, so each is small. */
  readonly #head: number;
  /** Bits of {@link State}. */
  #state = 0;
  /** What its caller sent beside the arguments, or from what that is made when somebody looks. */
  #metadata: Metadata | Section = NO_METADATA;
  #rare: Rare | undefined = undefined;

  /** @param flags - of the REQUEST, see `RequestFlag` */
  constructor(
    port: IncomingPort<Entry>,
    entry: Entry,
    id: number,
    deadline: number,
    flags: number,
    attempt: number,
    priority: number,
  ) {
    this.#port = port;
    this.entry = entry;
    this.id = id;
    this.deadline = deadline;
    this.#head = flags | (attempt << 8) | (priority << 16);
    this.args = NO_ARGS;
    this.requestBytes = 0;
  }

  get metadata(): Metadata {
    if (this.#metadata instanceof Section) this.#metadata = this.#metadata.copy();
    return this.#metadata;
  }

  set metadata(metadata: Metadata | Section) {
    this.#metadata = metadata;
  }

  get attempt(): number {
    return (this.#head >> 8) & 0xff;
  }

  get priority(): number {
    return this.#head >> 16;
  }

  /** Whether it is counted among the running calls: it has waited for something, or waits now. */
  get counted(): boolean {
    return (this.#state & State.COUNTED) !== 0;
  }

  set counted(is: boolean) {
    this.#set(State.COUNTED, is);
  }

  /** Whether the server has admitted it: then it takes a place there until it ends. */
  get admitted(): boolean {
    return (this.#state & State.ADMITTED) !== 0;
  }

  set admitted(is: boolean) {
    this.#set(State.ADMITTED, is);
  }

  /** Whether the handler has been entered: from then on, nobody can say that it was refused. */
  get started(): boolean {
    return (this.#state & State.STARTED) !== 0;
  }

  set started(is: boolean) {
    this.#set(State.STARTED, is);
  }

  /** Whether nobody waits for the answer any more. */
  get abandoned(): boolean {
    return (this.#state & State.ABANDONED) !== 0;
  }

  set abandoned(is: boolean) {
    this.#set(State.ABANDONED, is);
  }

  /** Whether it has been abandoned for so long that it no longer counts. */
  get outlived(): boolean {
    return (this.#state & State.OUTLIVED) !== 0;
  }

  set outlived(is: boolean) {
    this.#set(State.OUTLIVED, is);
  }

  /**
   * Whether it had much time left when it was read, and what was read before it in the same turn has not held the process for long:
   * as long as nothing lets it wait, it cannot be late. See {@link isLate}.
   */
  get hasTime(): boolean {
    return (this.#state & State.HAS_TIME) !== 0;
  }

  set hasTime(has: boolean) {
    this.#set(State.HAS_TIME, has);
  }

  #set(bit: number, is: boolean): void {
    if (is) this.#state |= bit;
    else this.#state &= ~bit;
  }

  /** Runs a step of its stream where the handler was entered; `undefined` before that. */
  get inContext(): RunStep | undefined {
    return this.#rare?.inContext;
  }

  set inContext(run: RunStep) {
    this.#obtainRare().inContext = run;
  }

  get service(): string {
    return this.entry.service;
  }

  get method(): string {
    return this.entry.method;
  }

  get oneWay(): boolean {
    return (this.#head & RequestFlag.ONE_WAY) !== 0;
  }

  get idempotent(): boolean {
    return (this.#head & RequestFlag.IDEMPOTENT) !== 0;
  }

  get isRepeatedAbove(): boolean {
    return (this.#head & RequestFlag.NO_RETRY_BELOW) !== 0;
  }

  /** Whether its caller wants to know how long this server had it. */
  get wantsTimes(): boolean {
    return (this.#head & RequestFlag.TIMES) !== 0;
  }

  /** Whether its arguments came compressed. */
  get isCompressed(): boolean {
    return (this.#head & COMPRESSED) !== 0;
  }

  get peer(): Peer {
    return this.#port.peer;
  }

  get draining(): AbortSignal {
    return this.#port.draining;
  }

  remainingMs(): number {
    return Math.max(0, this.deadline - this.#port.now());
  }

  /** Whether its deadline has passed. A call without one does not cost a look at the clock. */
  get isExpired(): boolean {
    return this.deadline !== Number.POSITIVE_INFINITY && this.deadline <= this.#port.now();
  }

  /** The same right before the handler begins. Most calls go there in the turn in which they were read, and cost no look at the clock. */
  get isLate(): boolean {
    return (this.#state & (State.HAS_TIME | State.COUNTED)) !== State.HAS_TIME && this.isExpired;
  }

  get signal(): AbortSignal {
    const rare = this.#obtainRare();
    if (rare.controller === undefined) {
      rare.controller = new AbortController();
      if (rare.abortReason !== undefined) rare.controller.abort(rare.abortReason);
      else if (this.deadline !== Number.POSITIVE_INFINITY) {
        rare.cancelTimer = this.#port.atDeadline(this.deadline, () =>
          this.abort(rpcError('DEADLINE_EXCEEDED', this.pastDeadline(), { progress: 'processed' })),
        );
      }
    }
    return rare.controller.signal;
  }

  /** Why it has ended when its deadline has passed. @param meanwhile - what its handler did, with a space before it */
  pastDeadline(meanwhile?: string): string {
    return deadlinePassed(this, meanwhile);
  }

  get responseMetadata(): Record<string, string> {
    const rare = this.#obtainRare();
    rare.responseMetadata ??= Object.create(null) as Record<string, string>;
    return rare.responseMetadata;
  }

  /** The response metadata if anything was put there. */
  get responseMetadataIfAny(): Record<string, string> | undefined {
    return this.#rare?.responseMetadata;
  }

  get<T>(key: ContextKey<T>): T | undefined {
    return this.#rare?.values?.get(key.symbol) as T | undefined;
  }

  set<T>(key: ContextKey<T>, value: T): void {
    const rare = this.#obtainRare();
    rare.values ??= new Map();
    rare.values.set(key.symbol, value);
  }

  /** The call of its handler that is longest in flight; `undefined` for none, and for one that this call would not end. */
  get downstream(): Call | undefined {
    const controller = this.#rare?.controller;
    return controller === undefined ? undefined : eldestWith(controller.signal);
  }

  /** Why its work is no longer wanted; `undefined` while it is, or while nobody looks at its signal. */
  get abortReason(): unknown {
    return this.#rare?.abortReason;
  }

  /** Tells the handler, if it looks, that its work is no longer wanted. */
  abort(reason: unknown): void {
    const rare = this.#obtainRare();
    if (rare.abortReason !== undefined) return;
    rare.abortReason = reason;
    rare.cancelTimer?.();
    rare.controller?.abort(reason);
  }

  #obtainRare(): Rare {
    this.#rare ??= new Rare();
    return this.#rare;
  }

  /** Marks it as waiting for something: it counts as running until it ends. Harmless when called again. */
  hold(): void {
    this.#port.hold(this);
  }

  /**
   * The payload of a call whose arguments came compressed; a promise when they are large.
   * @throws RpcError when they are not what was announced, or the promise rejects with it
   */
  inflate(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
    return this.#port.inflate(bytes, start, end);
  }

  /**
   * Reads the arguments from `bytes[start, end)`, which is not needed after that.
   * @throws RpcError when they are none, or take more memory than the connection has left
   */
  decode(bytes: Buffer, start: number, end: number): void {
    this.args = this.#port.decode(this, bytes, start, end);
  }

  /**
   * Answers with a result, if anybody waits for one.
   * @returns a promise when the result is large and is compressed first
   * @throws Error when it cannot be sent, or the promise rejects; nothing has been written then
   */
  answer(value: unknown): void | Promise<void> {
    return this.#isAnswerWanted ? this.#port.answer(this, value) : undefined;
  }

  /**
   * Answers with the items of an iterable as fast as the caller takes them; resolves when it has let go.
   * @param items - gives the iterable; runs inside the context of the call
   * @throws what the iterable throws, or why it was stopped
   */
  answerItems(stream: ServedStream, items: () => unknown): Promise<void> {
    return this.#port.answerItems(this, stream, items);
  }

  /** Answers with an error, if anybody waits for an answer. */
  fail(error: RpcError): void {
    if (this.#isAnswerWanted) this.#port.fail(this, error);
  }

  /** Nothing of it runs any more, whether or not anybody has waited for it. */
  end(): void {
    this.#rare?.cancelTimer?.();
    this.#port.end(this);
  }

  get #isAnswerWanted(): boolean {
    return !this.oneWay && !this.abandoned && this.#port.isOpen;
  }
}

/** Where a call stands. */
const State = {
  COUNTED: 1,
  ADMITTED: 2,
  STARTED: 4,
  ABANDONED: 8,
  OUTLIVED: 16,
  HAS_TIME: 32,
} as const;

type RunStep = <T>(step: () => T) => T;

/** What most calls never have. */
class Rare {
  controller: AbortController | undefined = undefined;
  cancelTimer: (() => void) | undefined = undefined;
  values: Map<symbol, unknown> | undefined = undefined;
  responseMetadata: Record<string, string> | undefined = undefined;
  abortReason: unknown = undefined;
  inContext: RunStep | undefined = undefined;
}

const NO_ARGS: readonly unknown[] = Object.freeze([]);
