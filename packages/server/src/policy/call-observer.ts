import {
  type Clock,
  isRpcError,
  type Metadata,
  type MethodKind,
  type ObservedServerCall,
  type Peer,
  type RpcError,
} from '@org/rpc-core';
import { channels, ItemTimes, rpcError } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { ServerStackParts } from '../stack.js';

/** A method as the server knows it. */
export type ObservedEntry = MethodEntry & { readonly definition: { readonly kind: MethodKind } };

/** Counts calls that have ended, while it is on. */
export interface CallCounter {
  readonly isOn: boolean;
  record(call: ObservedServerCall): void;
}

/**
 * Publishes the start and end of a server's calls on the channel `org.rpc.server`, while somebody subscribes to it. The values are read
 * from the call only when a subscriber looks at them.
 */
export class CallObserver<Entry extends ObservedEntry = ObservedEntry> {
  readonly #instance: string;
  readonly #clock: Clock;
  readonly #tally: CallCounter | undefined;

  /**
   * @param instance - the id of the server
   * @param tally - counts the calls of this server while it is on
   */
  constructor(instance: string, clock: Clock, tally?: CallCounter) {
    this.#instance = instance;
    this.#clock = clock;
    this.#tally = tally;
  }

  /** Whether anybody listens or counts; check it before calling `begin`. */
  get isOn(): boolean {
    return channels.server.hasSubscribers || this.#tally?.isOn === true;
  }

  /** A call has arrived; nothing has been done for it yet. */
  begin(call: IncomingCall<Entry>): void {
    const record = new CallRecord(call, this.#instance, this.#clock);
    call.observed = record;
    channels.server.publish({ type: 'callStart', call: record });
  }

  /** Wraps the parts of a stack, so that they also report on observed calls. */
  around(parts: ServerStackParts<Entry>): ServerStackParts<Entry> {
    return {
      authorize: parts.authorize,
      admission: parts.admission,
      run: (call) => {
        const record = recordOf(call);
        // Nearly always nothing surrounds it: then no function is made to be run inside of that.
        return record === undefined || record.entered() ? parts.run(call) : record.run(() => parts.run(call));
      },
      runStream: (call, items) => {
        const record = recordOf(call);
        if (record === undefined) return parts.runStream(call, items);
        const received = counted(items, record.receives());
        const run = () => parts.runStream(call, received);
        const sent = record.entered() ? run() : record.run(run);
        return isIterable(sent) ? counted(sent, record.sends()) : sent;
      },
      presentable: (thrown, call) => {
        const shown = parts.presentable(thrown, call);
        const record = recordOf(call);
        if (record !== undefined) record.error = shown;
        return shown;
      },
      ended: (call, error) => {
        const record = recordOf(call);
        if (record !== undefined) {
          record.end(error);
          if (this.#tally?.isOn === true) this.#tally.record(record);
          channels.server.publish({ type: 'callEnd', call: record });
        }
        parts.ended(call, error);
      },
    };
  }
}

function recordOf<Entry extends ObservedEntry>(call: IncomingCall<Entry>): CallRecord | undefined {
  return call.observed as CallRecord | undefined;
}

/** What subscribers get to see of a call; most values are read from the call itself, and what is the same for all calls takes no room in it. */
class CallRecord implements ObservedServerCall {
  received: ItemTimes | undefined = undefined;
  sent: ItemTimes | undefined = undefined;
  durationMs: number | undefined = undefined;
  /** The error that the caller got. */
  error: RpcError | undefined = undefined;
  readonly instance: string;
  readonly #call: IncomingCall<ObservedEntry>;
  readonly #clock: Clock;
  readonly #beganAt: number;
  #startedAt: number | undefined = undefined;
  #waitedMs: number | undefined = undefined;
  #surroundings: ((run: () => unknown) => unknown)[] | undefined = undefined;

  constructor(call: IncomingCall<ObservedEntry>, instance: string, clock: Clock) {
    this.instance = instance;
    this.#call = call;
    this.#clock = clock;
    this.#beganAt = clock.now();
  }

  get version(): 1 {
    return 1;
  }

  get side(): 'server' {
    return 'server';
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

  get kind(): MethodKind {
    return this.#call.entry.definition.kind;
  }

  get oneWay(): boolean {
    return this.#call.oneWay;
  }

  get priority(): number {
    return this.#call.priority;
  }

  get attempt(): number {
    return this.#call.attempt;
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  get peer(): Peer {
    return this.#call.peer;
  }

  /** Layers may have ended it, or its time, right before the handler. */
  get waitedMs(): number | undefined {
    return this.#call.started ? this.#waitedMs : undefined;
  }

  get timeoutMs(): number {
    return Math.max(0, this.#call.deadline - this.#beganAt);
  }

  get startedAt(): number {
    this.#startedAt ??= this.#clock.wallNow() - (this.#clock.now() - this.#beganAt);
    return this.#startedAt;
  }

  enterWith(around: (run: () => unknown) => unknown): void {
    this.#surroundings ??= [];
    this.#surroundings.push(around);
  }

  /** Items of the caller come from now on. */
  receives(): ItemTimes {
    const times = new ItemTimes(this.#clock, this.#beganAt);
    // Of a stream that only answers there are none.
    if (this.kind !== 'stream') this.received = times;
    return times;
  }

  /** Items of the handler go out from now on. */
  sends(): ItemTimes {
    const times = new ItemTimes(this.#clock, this.#beganAt);
    this.sent = times;
    return times;
  }

  /** It has come to its layers and handler. @returns whether nothing is to {@link run} around them */
  entered(): boolean {
    // A call that never waited reaches its handler in the turn in which it was read.
    this.#waitedMs = this.#call.counted ? this.#clock.now() - this.#beganAt : 0;
    return this.#surroundings === undefined;
  }

  /** Runs layers and handler inside the functions given to `enterWith`. */
  run(run: () => unknown): unknown {
    return (this.#surroundings ?? []).reduceRight<() => unknown>((inner, around) => () => around(inner), run)();
  }

  /** @param thrown - what was thrown, or why the call was refused */
  end(thrown: unknown): void {
    const now = this.#clock.now();
    this.durationMs = now - this.#beganAt;
    this.received?.ends();
    this.sent?.ends();
    this.error ??= ownOf(thrown, this.#call) ?? givenUp(this.#call, now, this.timeoutMs);
  }
}

/** What has ended a call, unless nobody waits for it any more: what then comes out of a call of its handler's own is of no other making. */
function ownOf(thrown: unknown, { abandoned }: IncomingCall): RpcError | undefined {
  if (!isRpcError(thrown)) return undefined;
  return abandoned && thrown.service !== undefined ? undefined : thrown;
}

/**
 * The error of a call whose caller stopped waiting: the caller saw this, whatever the handler returned. The deadline of a one-way call is over
 * for nobody, once its handler runs.
 */
function givenUp(call: IncomingCall, now: number, timeoutMs: number): RpcError | undefined {
  const isOver = call.deadline <= now;
  if (!call.abandoned && (!isOver || call.oneWay)) return undefined;
  const [code, reason] = isOver
    ? ([
        'DEADLINE_EXCEEDED',
        `the caller's deadline has passed: it had ${Math.round(timeoutMs)} ms left when it came`,
      ] as const)
    : (['CANCELLED', 'the caller has given up'] as const);
  const { service, method } = call;
  return rpcError(code, reason, { service, method, progress: call.started ? 'processed' : 'refused' });
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The same items, counted. A reader that stops early stops the source. */
function counted(items: AsyncIterable<unknown>, times: ItemTimes): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = items[Symbol.asyncIterator]();
      return {
        next: async () => {
          times.asks();
          const step = await iterator.next();
          if (step.done === true) times.ends();
          else times.comes();
          return step;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
