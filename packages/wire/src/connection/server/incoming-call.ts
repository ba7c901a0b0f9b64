import type { CallContext, ContextKey, Metadata, Peer } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { RequestFlag } from '../../frames/frame.js';
import { NO_METADATA } from '../../frames/metadata.js';
import type { ServedStream } from '../streams/served-stream.js';

/** A method that a server can run, as its connections see it. The server hangs more onto it. */
export interface MethodEntry {
  readonly service: string;
  readonly method: string;
}

/** What an incoming call needs of the connection that it came by. */
export interface IncomingPort {
  readonly peer: Peer;
  /** This process's monotonic milliseconds. */
  now(): number;
  /** Runs `run` when the deadline passes; for calls whose handler looks at its signal. */
  atDeadline(deadline: number, run: () => void): () => void;
}

/**
 * One call on the server, from its request to its answer; at the same time the context that its handler sees. What most
 * handlers never look at (signal, metadata, values) is made when it is first asked for.
 */
export class IncomingCall<Entry extends MethodEntry = MethodEntry> implements CallContext {
  readonly id: number;
  readonly entry: Entry;
  readonly deadline: number;
  readonly oneWay: boolean;
  readonly idempotent: boolean;
  readonly attempt: number;
  readonly priority: number;
  args: readonly unknown[];
  metadata: Metadata;
  /** Bytes of its request, and what its decoded arguments take besides: what it counts against the connection's budget. */
  requestBytes: number;
  /** Whether they are counted. */
  counted = false;
  /** Whether its arguments came compressed. */
  isCompressed = false;
  /** Whether the handler has been entered: from then on, nobody can say that it was refused. */
  started = false;
  /** Whether nobody waits for the answer any more. */
  abandoned = false;
  /** The items of a streaming call; `undefined` for all others. */
  stream: ServedStream | undefined = undefined;
  readonly #port: IncomingPort;
  #controller: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #values: Map<symbol, unknown> | undefined;
  #responseMetadata: Record<string, string> | undefined;
  #abortReason: unknown;

  /** @param flags - of the REQUEST, see `RequestFlag` */
  constructor(
    port: IncomingPort,
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
    this.oneWay = (flags & RequestFlag.ONE_WAY) !== 0;
    this.idempotent = (flags & RequestFlag.IDEMPOTENT) !== 0;
    this.attempt = attempt;
    this.priority = priority;
    this.args = NO_ARGS;
    this.metadata = NO_METADATA;
    this.requestBytes = 0;
  }

  get service(): string {
    return this.entry.service;
  }

  get method(): string {
    return this.entry.method;
  }

  get peer(): Peer {
    return this.#port.peer;
  }

  remainingMs(): number {
    return Math.max(0, this.deadline - this.#port.now());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
      else if (this.deadline !== Number.POSITIVE_INFINITY) {
        this.#cancelTimer = this.#port.atDeadline(this.deadline, () =>
          this.abort(
            rpcError('DEADLINE_EXCEEDED', `${this.service}.${this.method}: the caller's deadline has passed`, {
              progress: 'processed',
            }),
          ),
        );
      }
    }
    return this.#controller.signal;
  }

  get responseMetadata(): Record<string, string> {
    this.#responseMetadata ??= Object.create(null) as Record<string, string>;
    return this.#responseMetadata;
  }

  /** The response metadata if anything was put there. */
  get responseMetadataIfAny(): Record<string, string> | undefined {
    return this.#responseMetadata;
  }

  get<T>(key: ContextKey<T>): T | undefined {
    return this.#values?.get(key.symbol) as T | undefined;
  }

  set<T>(key: ContextKey<T>, value: T): void {
    this.#values ??= new Map();
    this.#values.set(key.symbol, value);
  }

  /** Tells the handler, if it looks, that its work is no longer wanted. */
  abort(reason: unknown): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#cancelTimer?.();
    this.#controller?.abort(reason);
  }

  /** The call has been answered: stops its timer. */
  finish(): void {
    this.#cancelTimer?.();
  }
}

const NO_ARGS: readonly unknown[] = Object.freeze([]);
