import { type Clock, isRpcError, type MethodKind, type ObservedServerCall, type RpcError } from '@org/rpc-core';
import { rpcError, serverChannel } from '@org/rpc-core/internal';
import type { IncomingCall, MethodEntry } from '@org/rpc-wire/internal';
import type { ServerStackParts } from '../stack.js';

/** A method as its server knows it. */
export type ObservedEntry = MethodEntry & { readonly definition: { readonly kind: MethodKind } };

type CallRecord = { -readonly [K in keyof ObservedServerCall]: ObservedServerCall[K] };

/** What is known of a call beside its record. */
interface Observed {
  readonly record: CallRecord;
  readonly beganAt: number;
  readonly surroundings: ((run: () => unknown) => unknown)[];
  /** What its caller sees of what the handler threw. */
  shown: RpcError | undefined;
}

/**
 * Tells what becomes of the calls of a server on the channel `org.rpc.server`, as long as somebody listens there. Records are kept
 * beside the calls and not on them: a call that nobody looks at is not larger for it.
 */
export class CallObserver<Entry extends ObservedEntry = ObservedEntry> {
  readonly #clock: Clock;
  readonly #calls = new WeakMap<IncomingCall<Entry>, Observed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether anybody listens; asked first, by whoever calls the methods below. */
  get isOn(): boolean {
    return serverChannel.hasSubscribers;
  }

  /** A call has come; nothing was done for it yet. */
  begin(call: IncomingCall<Entry>): void {
    const { service, method, oneWay, priority, attempt, metadata, peer } = call;
    const surroundings: Observed['surroundings'] = [];
    const record: CallRecord = {
      version: 1,
      side: 'server',
      service,
      method,
      kind: call.entry.definition.kind,
      oneWay,
      priority,
      attempt,
      metadata,
      peer,
      startedAt: this.#clock.wallNow(),
      timeoutMs: call.remainingMs(),
      waitedMs: undefined,
      durationMs: undefined,
      error: undefined,
      itemsSent: 0,
      itemsReceived: 0,
      enterWith: (around) => {
        surroundings.push(around);
      },
    };
    this.#calls.set(call, { record, beganAt: this.#clock.now(), surroundings, shown: undefined });
    serverChannel.publish({ type: 'callStart', call: record });
  }

  /** The same parts of a stack, looked at while somebody listens. */
  around(parts: ServerStackParts<Entry>): ServerStackParts<Entry> {
    return {
      authorize: parts.authorize,
      admission: parts.admission,
      run: (call) => (this.isOn ? this.#run(call, () => parts.run(call)) : parts.run(call)),
      runStream: (call, items) =>
        this.isOn ? this.#runStream(call, items, (seen) => parts.runStream(call, seen)) : parts.runStream(call, items),
      presentable: (thrown, call) => {
        const shown = parts.presentable(thrown, call);
        const observed = this.isOn ? this.#calls.get(call) : undefined;
        if (observed !== undefined) observed.shown = shown;
        return shown;
      },
      ended: (call, error) => {
        if (this.isOn) this.#end(call, error);
        parts.ended(call, error);
      },
    };
  }

  /** Runs layers and handler where those who watch want them to run. */
  #run(call: IncomingCall<Entry>, run: () => unknown): unknown {
    const observed = this.#calls.get(call);
    if (observed === undefined) return run();
    observed.record.waitedMs = this.#clock.now() - observed.beganAt;
    return observed.surroundings.reduceRight<() => unknown>((inner, around) => () => around(inner), run)();
  }

  /** The same for a call with streams, whose items are counted. */
  #runStream(
    call: IncomingCall<Entry>,
    items: AsyncIterable<unknown>,
    run: (items: AsyncIterable<unknown>) => unknown,
  ): unknown {
    const record = this.#calls.get(call)?.record;
    if (record === undefined) return run(items);
    const received = counted(items, () => record.itemsReceived++);
    const sent = this.#run(call, () => run(received));
    return isIterable(sent) ? counted(sent, () => record.itemsSent++) : sent;
  }

  #end(call: IncomingCall<Entry>, thrown: unknown): void {
    const observed = this.#calls.get(call);
    if (observed === undefined) return;
    this.#calls.delete(call);
    const { record, beganAt, shown } = observed;
    record.durationMs = this.#clock.now() - beganAt;
    record.error = shown ?? (isRpcError(thrown) ? thrown : undefined) ?? givenUp(call);
    serverChannel.publish({ type: 'callEnd', call: record });
  }
}

/** Of a call that nobody has waited for to the end: whatever the handler gave, its caller saw this. */
function givenUp(call: IncomingCall): RpcError | undefined {
  if (!call.abandoned) return undefined;
  const [code, reason] = call.isExpired
    ? (['DEADLINE_EXCEEDED', "the caller's deadline has passed"] as const)
    : (['CANCELLED', 'the caller has given up'] as const);
  const { service, method } = call;
  return rpcError(code, reason, { service, method, progress: call.started ? 'processed' : 'refused' });
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The same items, each seen as it passes. Only steps pass through: who stops early stops the source. */
function counted(items: AsyncIterable<unknown>, see: () => void): AsyncIterable<unknown> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = items[Symbol.asyncIterator]();
      return {
        next: async () => {
          const step = await iterator.next();
          if (step.done !== true) see();
          return step;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
