import {
  type Call,
  CallTrail,
  type Clock,
  type Destination,
  isRpcError,
  type MethodKind,
  type ObservedAttempt,
  type ObservedClientCall,
  type Outcome,
  type PhaseTimes,
  type RpcError,
  type Trial,
} from '@org/rpc-core';
import { channels, ItemTimes, rpcError } from '@org/rpc-core/internal';
import { timeAsTold, timeOfAttempt } from './time-of-call.js';

/**
 * Tells what becomes of calls on the channels `org.rpc.client` and `org.rpc.client.attempt`, as long as somebody listens there. Whoever calls has asked `isOn`, or
 * has seen that the call is observed. What is told is read from the call when somebody looks, and no sooner.
 */
export class CallObserver {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether anybody listens. */
  get isOn(): boolean {
    return channels.client.hasSubscribers;
  }

  /** A call begins, before anything of it was sent. */
  begin(call: Call, kind: MethodKind): void {
    const record = new CallRecord(call, kind, this.#clock);
    call.observed = record;
    channels.client.publish({ type: 'callStart', call: record });
  }

  /** The gates of a call have seen its outcome, which is its end unless something above them may still change it. */
  ends(call: Call, outcome: Outcome): void {
    const record = recordOf(call);
    if (record !== undefined && !record.endsAbove) this.#end(record, call.endedAt, outcome);
  }

  /** Tells of the end of a call by its promise, which stays as it is: for those that may end above their gates. */
  endsWith(call: Call, answer: Promise<unknown>): void {
    const record = recordOf(call);
    if (record === undefined) return;
    record.endsAbove = true;
    answer.then(
      () => this.#end(record, 0, undefined),
      (error: unknown) => this.#end(record, 0, error),
    );
  }

  /** Counts the items of a stream, and tells of its end. */
  reads(call: Call, items: AsyncIterator<unknown>): AsyncIterator<unknown> {
    const record = recordOf(call);
    if (record === undefined) return items;
    record.endsAbove = true;
    const times = new ItemTimes(this.#clock, call.createdAt);
    record.received = times;
    return {
      next: async () => {
        try {
          times.asks();
          const step = await items.next();
          if (step.done === true) this.#end(record, 0, undefined);
          else times.comes();
          return step;
        } catch (error) {
          this.#end(record, 0, error);
          throw error;
        }
      },
      return: async () => {
        try {
          return (await items.return?.()) ?? { done: true, value: undefined };
        } finally {
          // Its reader stopped: that is a normal end of a stream.
          this.#end(record, 0, undefined);
        }
      },
    };
  }

  /** Counts the items that go out. */
  sends(call: Call, source: AsyncIterable<unknown> | undefined): AsyncIterable<unknown> | undefined {
    const record = recordOf(call);
    if (record === undefined || source === undefined) return source;
    record.sent = new ItemTimes(this.#clock, call.createdAt);
    return counted(source, record.sent);
  }

  /** An attempt begins: it has passed what refuses it. */
  attemptStarts(attempt: Call, now = this.#clock.now()): void {
    const call = recordOf(attempt.root);
    if (call === undefined) return;
    const record = new AttemptRecord(attempt, now);
    // To add to an empty list would make room for many: nearly all calls have one attempt.
    call.attempts = call.attempts.length === 0 ? [record] : [...call.attempts, record];
    if (call.asksServer) askServer(attempt);
    if (channels.attempt.hasSubscribers) channels.attempt.publish({ type: 'attemptStart', call, attempt: record });
  }

  /** It has ended. */
  attemptEnds(attempt: Call, outcome: Outcome): void {
    const call = recordOf(attempt.root);
    const record = call?.attemptOf(attempt);
    if (call === undefined || record === undefined || record.endMs !== undefined) return;
    record.end(attempt.endedAt > 0 ? attempt.endedAt : this.#clock.now(), outcome);
    if (channels.attempt.hasSubscribers) channels.attempt.publish({ type: 'attemptEnd', call, attempt: record });
  }

  #end(record: CallRecord, endedAt: number, thrown: unknown): void {
    if (record.durationMs !== undefined) return;
    record.end(endedAt > 0 ? endedAt : this.#clock.now(), thrown);
    channels.client.publish({ type: 'callEnd', call: record });
  }
}

function recordOf(call: Call): CallRecord | undefined {
  return call.observed as CallRecord | undefined;
}

const NO_ATTEMPTS: readonly AttemptRecord[] = Object.freeze([]);

/** What is told of a call: mostly looks at the call itself. One is made for every call while somebody listens, so what is the same for all, or of streams alone, takes no room in it. */
class CallRecord implements ObservedClientCall {
  readonly kind: MethodKind;
  attempts: readonly AttemptRecord[] = NO_ATTEMPTS;
  received: ItemTimes | undefined = undefined;
  sent: ItemTimes | undefined = undefined;
  durationMs: number | undefined = undefined;
  error: RpcError | undefined = undefined;
  /** Whether something above the gates of the call ends it: a user's layers, a reader. */
  endsAbove = false;
  /** Whether servers are to say how long they had it. */
  asksServer = false;
  readonly #call: Call;
  readonly #clock: Clock;
  #startedAt: number | undefined = undefined;

  constructor(call: Call, kind: MethodKind, clock: Clock) {
    this.#call = call;
    this.kind = kind;
    this.#clock = clock;
  }

  get version(): 1 {
    return 1;
  }

  get side(): 'client' {
    return 'client';
  }

  get itemsSent(): number {
    return this.sent?.items ?? 0;
  }

  get itemsReceived(): number {
    return this.received?.items ?? 0;
  }

  get service(): string {
    return this.#call.service;
  }

  get method(): string {
    return this.#call.method;
  }

  get caller(): string | undefined {
    return this.#call.methodRef.caller;
  }

  get rulesVersion(): number | undefined {
    return this.#call.methodRef.terms?.rulesVersion;
  }

  get oneWay(): boolean {
    return this.#call.oneWay;
  }

  get priority(): number {
    return this.#call.priority;
  }

  get startedAt(): number {
    this.#startedAt ??= this.#clock.wallNow() - (this.#clock.now() - this.#call.createdAt);
    return this.#startedAt;
  }

  get endpoint(): string | undefined {
    return this.#call.destination?.address ?? this.attempts.at(-1)?.endpoint;
  }

  get instance(): string | undefined {
    return this.#call.destination?.instance ?? this.attempts.at(-1)?.instance;
  }

  /** What is told of an attempt; the last one, mostly. */
  attemptOf(attempt: Call): AttemptRecord | undefined {
    const { attempts } = this;
    for (let i = attempts.length - 1; i >= 0; i--) if (attempts[i]!.call === attempt) return attempts[i];
    return undefined;
  }

  setMetadata(key: string, value: string): void {
    const target = this.attempts.at(-1)?.call ?? this.#call;
    target.metadata = { ...target.metadata, [key]: value };
  }

  askServer(): void {
    this.asksServer = true;
  }

  end(at: number, thrown: unknown): void {
    this.received?.ends();
    this.sent?.ends();
    this.durationMs = at - this.#call.createdAt;
    if (thrown === undefined) return;
    this.error = isRpcError(thrown) ? thrown : rpcError('INTERNAL', 'a layer has thrown', { cause: thrown });
  }
}

/** What is told of an attempt. */
class AttemptRecord implements ObservedAttempt {
  endMs: number | undefined = undefined;
  error: RpcError | undefined = undefined;
  /** The attempt itself, for what is sent with it. */
  readonly call: Call;
  readonly #startedAt: number;
  /** Once it has ended: the first attempt is the call itself, and is told where a later one went. */
  #destination: Destination | undefined = undefined;
  #phases: PhaseTimes | undefined = undefined;

  constructor(attempt: Call, startedAt: number) {
    this.call = attempt;
    this.#startedAt = startedAt;
  }

  get number(): number {
    return this.call.attempt;
  }

  get startMs(): number {
    return this.#startedAt - this.call.root.createdAt;
  }

  get sentMs(): number | undefined {
    const { startedAt, root } = this.call;
    return startedAt > 0 ? startedAt - root.createdAt : undefined;
  }

  get endpoint(): string | undefined {
    return (this.#destination ?? this.call.destination)?.address;
  }

  get instance(): string | undefined {
    return (this.#destination ?? this.call.destination)?.instance;
  }

  get trial(): Trial | undefined {
    return this.call.trail?.trial;
  }

  get phases(): PhaseTimes | undefined {
    return this.#phases ?? timeAsTold(this.call);
  }

  end(at: number, error: RpcError | undefined): void {
    const { call } = this;
    this.endMs = at - call.root.createdAt;
    this.error = error;
    this.#destination = call.destination;
    if (error === undefined) return;
    this.#phases = timeOfAttempt(call, error);
    const { lack } = call.trail ?? {};
    // It found no instance: what it waited for is all of its time.
    if (lack !== undefined && this.sentMs === undefined) this.#phases[lack] = this.endMs - this.startMs;
  }
}

/** Before the attempt is sent. */
function askServer(attempt: Call): void {
  attempt.trail ??= new CallTrail();
  attempt.trail.wantsTimes = true;
}

async function* counted(source: AsyncIterable<unknown>, times: ItemTimes): AsyncIterable<unknown> {
  times.asks();
  for await (const item of source) {
    times.comes();
    yield item;
    times.asks();
  }
  times.ends();
}
