import {
  Call,
  type Clock,
  isRpcError,
  type Limits,
  type Metadata,
  type Random,
  type RetryLaterOptions,
  type RpcError,
  type Service,
} from '@org/rpc-core';
import { type Complete, rpcError, sleep, surface } from '@org/rpc-core/internal';
import type { Codec, EncodeTarget } from '@org/rpc-wire';
import { laterDelayMs } from './backoff.js';
import { belongsTo } from './name-call.js';
import type { KeptCallsState } from './policy-state.js';

/** What holds for a method; with `max: 0` nothing is kept. */
export type RetryLaterValues = Complete<RetryLaterOptions>;

/** A kept call has been sent; for observers. */
export interface SentLaterEvent {
  readonly service: string;
  readonly method: string;
  readonly afterMs: number;
  readonly endpoint: string;
  /** The id of the instance there. */
  readonly instance: string | undefined;
}

/** Kept calls are given up; for observers. */
export interface GivenUpEvent {
  readonly service: string;
  readonly method: string;
  readonly count: number;
  readonly reason: 'expired' | 'failed' | 'closed';
  readonly error: RpcError | undefined;
}

/** Who is told of kept calls. */
export interface KeptCallsObserver {
  sent(event: SentLaterEvent): void;
  dropped(event: GivenUpEvent): void;
}

/** What a client's kept calls need of it. */
export interface KeptCallsSettings {
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  readonly limits: Limits;
}

/** How one call is kept and sent. */
export interface KeptCallSettings {
  /** How long an attempt that is made later may take, in milliseconds. */
  readonly timeoutMs: () => number;
  /** Resolves when a node of the service takes calls, rejects with the end of the call that is given. */
  readonly untilReady: (call: Call) => Promise<void>;
  /** As the caller gave it. */
  readonly metadata: Metadata | undefined;
  readonly values: RetryLaterValues;
  /** What sends it. */
  readonly next: Service;
}

/** A call that waits to be sent. It holds nothing of its caller: who has been let go may change the arguments. */
interface KeptCall {
  /** Names, and the options that hold for it later too. */
  readonly call: Call;
  readonly payload: Buffer;
  readonly metadata: Metadata | undefined;
  readonly bytes: number;
  readonly keptAt: number;
  readonly expiresAt: number;
  readonly settings: KeptCallSettings;
}

/**
 * Whether a call that has failed may be sent again without being done twice: it certainly was not started, and only for lack of a
 * server, of room, or of time to wait for them.
 */
export function mayBeKept({ code, progress }: RpcError): boolean {
  const isUnstarted = progress === 'unsent' || progress === 'refused';
  return isUnstarted && (code === 'UNAVAILABLE' || code === 'RESOURCE_EXHAUSTED' || code === 'DEADLINE_EXCEEDED');
}

/**
 * The one-way calls of a client that are sent later, with one sender for each service that has any: one call at a time, in the order in
 * which they were kept. A call leaves before anything is known of it but that it was not started.
 */
export class KeptCalls {
  readonly #settings: KeptCallsSettings;
  readonly #observer: KeptCallsObserver;
  /** By service; one that has none is not in it. */
  readonly #queues = new Map<string, Set<KeptCall>>();
  readonly #closing = new AbortController();
  /** What has become of those that were kept, by service. */
  readonly #ended = new Map<string, { sent: number; dropped: number }>();
  /** The calls by which kept ones are sent. */
  readonly #revivals = new WeakSet<Call>();
  #size = 0;
  #bytes = 0;

  constructor(settings: KeptCallsSettings, observer: KeptCallsObserver) {
    this.#settings = settings;
    this.#observer = observer;
  }

  /** Calls that are kept, those included that are being sent. */
  get size(): number {
    return this.#size;
  }

  /** Whether a call is an attempt to send one that is kept. */
  isRevival(call: Call): boolean {
    return this.#revivals.has(call);
  }

  /** Those of a service; `undefined` when none was ever kept. */
  state(service: string): KeptCallsState | undefined {
    const ended = this.#ended.get(service);
    if (ended === undefined) return undefined;
    const queue = [...(this.#queues.get(service) ?? [])];
    const bytes = queue.reduce((sum, kept) => sum + kept.bytes, 0);
    const oldestMs = queue[0] === undefined ? 0 : this.#settings.clock.now() - queue[0].keptAt;
    return { calls: queue.length, bytes, oldestMs, ...ended };
  }

  /** A service is not remembered any more. What is kept for it stays. */
  forget(service: string): void {
    this.#ended.delete(service);
  }

  /** Keeps a call. @returns why it can't be; `undefined` when it is kept */
  keep(call: Call, error: RpcError, settings: KeptCallSettings): RpcError | undefined {
    const { max, maxBytes, forMs } = settings.values;
    if (this.#closing.signal.aborted) return error;
    if (this.#size >= max) return full(call, `${this.#size} one-way calls are kept already (retryLater.max)`, error);
    let payload: Buffer;
    try {
      payload = encoded(this.#settings.codec, call.args);
    } catch {
      // It could never have been sent; but what it has failed with is what is known.
      return error;
    }
    const metadata = settings.metadata && { ...settings.metadata };
    const bytes = payload.length + metadataBytes(metadata);
    if (this.#bytes + bytes > maxBytes)
      return full(call, `${this.#bytes} bytes of one-way calls are kept already (retryLater.maxBytes)`, error);
    const keptAt = this.#settings.clock.now();
    this.#add({ call: emptied(call), payload, metadata, bytes, keptAt, expiresAt: keptAt + forMs, settings });
    return undefined;
  }

  /** Gives up what is kept, and tells what that was. A call that is being sent is told of when its attempt has ended. */
  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const queue of this.#queues.values())
      this.#drop(
        [...queue].filter((kept) => kept !== this.#sending.get(queue)),
        'closed',
      );
  }

  /** The first of its queue while it is being sent. */
  readonly #sending = new Map<Set<KeptCall>, KeptCall>();

  #endedOf(service: string): { sent: number; dropped: number } {
    let ended = this.#ended.get(service);
    if (ended === undefined) {
      ended = { sent: 0, dropped: 0 };
      this.#ended.set(service, ended);
    }
    return ended;
  }

  #add(kept: KeptCall): void {
    const { service } = kept.call;
    this.#endedOf(service);
    this.#size++;
    this.#bytes += kept.bytes;
    const queue = this.#queues.get(service);
    if (queue !== undefined) return void queue.add(kept);
    const begun = new Set([kept]);
    this.#queues.set(service, begun);
    this.#run(begun).catch(surface);
  }

  #remove(kept: KeptCall): void {
    if (this.#queues.get(kept.call.service)?.delete(kept) !== true) return;
    this.#size--;
    this.#bytes -= kept.bytes;
  }

  /** Sends what a queue holds until that is empty. */
  async #run(queue: Set<KeptCall>): Promise<void> {
    // The first one has just failed.
    let failures = 1;
    let waitMs = 0;
    while (!this.#closing.signal.aborted) {
      if (failures > 0) {
        const isReady = await this.#untilNext(queue, Math.max(waitMs, laterDelayMs(failures, this.#settings.random)));
        if (this.#closing.signal.aborted) return;
        if (!isReady) failures++;
        if (!isReady && queue.size > 0) continue;
      }
      const [first] = queue;
      // At once: what is kept from now on begins another queue.
      if (first === undefined) return this.#end(queue);
      if (this.#settings.clock.now() >= first.expiresAt) {
        this.#drop([first], 'expired');
        continue;
      }
      const error = await this.#send(queue, first);
      failures = error === undefined ? 0 : failures + 1;
      waitMs = error?.retryAfterMs ?? 0;
    }
  }

  #end(queue: Set<KeptCall>): void {
    for (const [service, each] of this.#queues) if (each === queue) this.#queues.delete(service);
  }

  /** Waits, and then for a node; no longer than the first call is kept that expires. @returns whether there is one */
  async #untilNext(queue: Set<KeptCall>, delayMs: number): Promise<boolean> {
    const { clock } = this.#settings;
    const earliest = this.#dropExpired(queue);
    const [first] = queue;
    if (first === undefined) return false;
    const wait = new Call(first.call.methodRef, [], true);
    wait.deadline = earliest;
    wait.signal = this.#closing.signal;
    try {
      await sleep(clock, Math.min(delayMs, earliest - clock.now()), wait);
      await first.settings.untilReady(wait);
      return true;
    } catch {
      // The client is closed, a call has expired, or too many calls wait for the service: whoever comes next looks.
      return false;
    } finally {
      if (clock.now() >= earliest) this.#dropExpired(queue);
    }
  }

  /** @returns when the next one expires */
  #dropExpired(queue: Set<KeptCall>): number {
    const now = this.#settings.clock.now();
    const expired: KeptCall[] = [];
    let earliest = Number.POSITIVE_INFINITY;
    for (const kept of queue) {
      if (now >= kept.expiresAt) expired.push(kept);
      else earliest = Math.min(earliest, kept.expiresAt);
    }
    this.#drop(expired, 'expired');
    return earliest;
  }

  /** @returns what it has failed with when it is still to be sent */
  async #send(queue: Set<KeptCall>, kept: KeptCall): Promise<RpcError | undefined> {
    const { call, keptAt, settings } = kept;
    this.#sending.set(queue, kept);
    let endpoint = '';
    let instance: string | undefined;
    try {
      const attempt = this.#revived(kept);
      await settings.next(attempt);
      endpoint = attempt.destination?.address ?? '';
      instance = attempt.destination?.instance;
    } catch (thrown) {
      const error = isRpcError(thrown) ? thrown : rpcError('INTERNAL', String(thrown), { cause: thrown });
      const isUnsent = mayBeKept(error);
      if (isUnsent && !this.#closing.signal.aborted) return error;
      this.#drop([kept], isUnsent ? 'closed' : 'failed', error);
      return undefined;
    } finally {
      this.#sending.delete(queue);
    }
    this.#remove(kept);
    this.#endedOf(call.service).sent++;
    const afterMs = this.#settings.clock.now() - keptAt;
    this.#observer.sent({ service: call.service, method: call.method, afterMs, endpoint, instance });
    return undefined;
  }

  /** The call that is sent: one of its own, with its own time. */
  #revived({ call, payload, metadata, settings }: KeptCall): Call {
    const { clock, codec, limits } = this.#settings;
    const args = codec.createDecoder(limits)(payload, 0, payload.length) as unknown[];
    const attempt = new Call(call.methodRef, args, true);
    this.#revivals.add(attempt);
    attempt.createdAt = clock.now();
    attempt.hasWaited = true;
    attempt.deadline = attempt.createdAt + settings.timeoutMs();
    attempt.metadata = metadata;
    attempt.priority = call.priority;
    attempt.hashKey = call.hashKey;
    attempt.attemptTimeoutMs = call.attemptTimeoutMs;
    attempt.own = call.own;
    return attempt;
  }

  /** Tells of each method once. */
  #drop(calls: readonly KeptCall[], reason: GivenUpEvent['reason'], error?: RpcError): void {
    const counts = new Map<string, { readonly call: Call; count: number }>();
    for (const kept of calls) {
      this.#remove(kept);
      this.#endedOf(kept.call.service).dropped++;
      const known = counts.get(kept.call.method);
      if (known === undefined) counts.set(kept.call.method, { call: kept.call, count: 1 });
      else known.count++;
    }
    for (const { call, count } of counts.values())
      this.#observer.dropped({ service: call.service, method: call.method, count, reason, error });
  }
}

function full(call: Call, reason: string, cause: RpcError): RpcError {
  const text = `it was not sent and cannot be kept: ${reason}`;
  const { service, method } = call;
  return belongsTo(call, rpcError('RESOURCE_EXHAUSTED', text, { cause, service, method, progress: 'unsent' }));
}

/** What is needed of a call later, without its arguments. */
function emptied(call: Call): Call {
  const copy = new Call(call.methodRef, [], true);
  copy.priority = call.priority;
  copy.hashKey = call.hashKey;
  copy.attemptTimeoutMs = call.attemptTimeoutMs;
  copy.own = call.own;
  return copy;
}

function encoded(codec: Codec, args: readonly unknown[]): Buffer {
  const bytes = Buffer.allocUnsafeSlow(256);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const target: EncodeTarget = { chunk: { bytes, view }, position: 0 };
  codec.encode(args, target);
  // A copy of just that: the chunk may be much larger.
  return Buffer.from(target.chunk.bytes.subarray(0, target.position));
}

function metadataBytes(metadata: Metadata | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata ?? {})) bytes += key.length + String(value).length;
  return bytes;
}
