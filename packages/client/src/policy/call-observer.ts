import {
  type Call,
  type Clock,
  isRpcError,
  type MethodKind,
  type ObservedAttempt,
  type ObservedClientCall,
  type Outcome,
} from '@org/rpc-core';
import { clientChannel, rpcError } from '@org/rpc-core/internal';

/** The records can be written here alone. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };
type AttemptRecord = Writable<ObservedAttempt>;
type CallRecord = Omit<Writable<ObservedClientCall>, 'attempts'> & { attempts: AttemptRecord[] };

/**
 * Tells what becomes of calls on the channel `org.rpc.client`, as long as somebody listens there. Records are kept beside the calls
 * and not on them: a call that nobody looks at is not larger for it.
 */
export class CallObserver {
  readonly #clock: Clock;
  readonly #calls = new WeakMap<Call, CallRecord>();
  /** With the call, which may end before a slower attempt of it. */
  readonly #attempts = new WeakMap<Call, { readonly attempt: AttemptRecord; readonly record: CallRecord }>();
  /** The attempt that began last, of each call that is observed. */
  readonly #lastAttempts = new WeakMap<CallRecord, Call>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether anybody listens; asked first, by whoever calls the methods below. */
  get isOn(): boolean {
    return clientChannel.hasSubscribers;
  }

  /** A call begins, before anything of it was sent. */
  begin(call: Call, kind: MethodKind): void {
    const now = this.#clock.now();
    const record: CallRecord = {
      version: 1,
      side: 'client',
      service: call.service,
      method: call.method,
      kind,
      oneWay: call.oneWay,
      priority: call.priority,
      startedAt: this.#clock.wallNow() - (now - call.createdAt),
      durationMs: undefined,
      error: undefined,
      itemsSent: 0,
      itemsReceived: 0,
      attempts: [],
      endpoint: undefined,
      setMetadata: (key, value) => {
        const last = record.attempts.length - 1;
        const target = last < 0 ? call : (this.#lastAttempts.get(record) ?? call);
        target.metadata = { ...target.metadata, [key]: value };
      },
    };
    this.#calls.set(call, record);
    clientChannel.publish({ type: 'callStart', call: record });
  }

  /** Tells of the end of a call that gives a promise; the promise stays as it is. */
  ends(call: Call, answer: Promise<unknown>): void {
    if (!this.#calls.has(call)) return;
    answer.then(
      () => this.#end(call, undefined),
      (error: unknown) => this.#end(call, error),
    );
  }

  /** Counts the items of a stream, and tells of its end. */
  reads(call: Call, items: AsyncIterator<unknown>): AsyncIterator<unknown> {
    const record = this.#calls.get(call);
    if (record === undefined) return items;
    return {
      next: async () => {
        try {
          const step = await items.next();
          if (step.done === true) this.#end(call, undefined);
          else record.itemsReceived++;
          return step;
        } catch (error) {
          this.#end(call, error);
          throw error;
        }
      },
      return: async () => {
        try {
          return (await items.return?.()) ?? { done: true, value: undefined };
        } finally {
          // Its reader wants no more of it: that is how a stream may end well.
          this.#end(call, undefined);
        }
      },
    };
  }

  /** Counts the items that go out. */
  sends(call: Call, source: AsyncIterable<unknown> | undefined): AsyncIterable<unknown> | undefined {
    const record = this.#calls.get(call);
    if (record === undefined || source === undefined) return source;
    return counted(source, record);
  }

  /** An attempt begins: it has passed what refuses it. */
  attemptStarts(call: Call): void {
    const record = this.#calls.get(call.root);
    if (record === undefined) return;
    const attempt: AttemptRecord = {
      number: call.attempt,
      startMs: this.#clock.now() - call.root.createdAt,
      sentMs: undefined,
      endMs: undefined,
      endpoint: undefined,
      error: undefined,
    };
    record.attempts.push(attempt);
    this.#attempts.set(call, { attempt, record });
    this.#lastAttempts.set(record, call);
    clientChannel.publish({ type: 'attemptStart', call: record, attempt });
  }

  /** It has ended. */
  attemptEnds(call: Call, outcome: Outcome): void {
    const observed = this.#attempts.get(call);
    if (observed === undefined) return;
    const { attempt, record } = observed;
    const { createdAt } = call.root;
    this.#attempts.delete(call);
    attempt.endpoint = call.destination?.address;
    if (call.startedAt > 0) attempt.sentMs = call.startedAt - createdAt;
    attempt.endMs = (call.endedAt > 0 ? call.endedAt : this.#clock.now()) - createdAt;
    attempt.error = outcome;
    // Of a call that has ended, another attempt was the last one.
    if (record.durationMs === undefined) record.endpoint = attempt.endpoint;
    clientChannel.publish({ type: 'attemptEnd', call: record, attempt });
  }

  #end(call: Call, thrown: unknown): void {
    const record = this.#calls.get(call);
    if (record === undefined) return;
    this.#calls.delete(call);
    record.durationMs = this.#clock.now() - call.createdAt;
    if (thrown !== undefined)
      record.error = isRpcError(thrown) ? thrown : rpcError('INTERNAL', 'a layer has thrown', { cause: thrown });
    clientChannel.publish({ type: 'callEnd', call: record });
  }
}

async function* counted(source: AsyncIterable<unknown>, record: CallRecord): AsyncIterable<unknown> {
  for await (const item of source) {
    record.itemsSent++;
    yield item;
  }
}
