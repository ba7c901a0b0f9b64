import type { Clock, Limits, Random } from '@org/rpc-core';
import type { TimerQueue } from '@org/rpc-core/internal';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import type { ClientProtocol, Codec } from '@org/rpc-wire';
import {
  type ByteStream,
  type CallConnection,
  ClientConnection,
  type ClientConnectionObserver,
  type Dial,
  type Hello,
  type ResolvedCompression,
} from '@org/rpc-wire/internal';

/** What a link needs of its client; the same for all links. */
export interface LinkEnvironment {
  readonly dial: Dial;
  readonly codec: Codec;
  readonly compression?: ResolvedCompression | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerQueue;
  /** `undefined` is the native one. */
  readonly protocol?: ClientProtocol | undefined;
}

/** Answers to an attempt to connect that mean: what is looked for is not there. Silence means nothing. */
const REFUSALS: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT']);

/** What a link is doing. Only `ready` takes calls. */
export type LinkState = 'connecting' | 'ready' | 'backoff' | 'draining' | 'closed';

/** Who is told of a link's changes: a node of each service that the endpoint serves. */
export interface LinkObserver {
  linkChanged(link: Link, previous: LinkState): void;
}

const CONNECT_TIMEOUT_MS = 3_000;
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 10_000;

/**
 * The connection to one endpoint, made anew whenever it is lost, after a jittered backoff: clients that lost the same server
 * must not all come back in the same instant.
 *
 * connecting -> ready -> (lost) backoff -> connecting; ready -> draining -> (closed by idleness) backoff, or closed when nobody
 * uses it any more; closed is final.
 */
export class Link implements ClientConnectionObserver {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly #environment: LinkEnvironment;
  readonly #observers = new Set<LinkObserver>();
  #state: LinkState = 'connecting';
  #connection: CallConnection | undefined;
  #failures = 0;
  /** The failures before the last greeting, for as long as that one may be from a server that is about to leave. */
  #forgiven = 0;
  #readyAt = 0;
  #refused = false;
  #retired = false;
  #lastError: string | undefined;
  #cancelBackoff: (() => void) | undefined;

  constructor(endpoint: Endpoint, environment: LinkEnvironment) {
    this.endpoint = endpoint;
    this.address = endpointAddress(endpoint);
    this.#environment = environment;
    this.#connect();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The connection that takes calls; `undefined` unless ready. */
  get connection(): CallConnection | undefined {
    return this.#state === 'ready' ? this.#connection : undefined;
  }

  /** Attempts to connect that failed since the last greeting, or that found a server about to leave. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the last attempt to connect was answered with a refusal: its instance is not there. */
  get isRefused(): boolean {
    return this.#refused;
  }

  /** Why it is not ready, in words for people. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  observe(observer: LinkObserver): void {
    this.#observers.add(observer);
  }

  unobserve(observer: LinkObserver): void {
    this.#observers.delete(observer);
  }

  /** Takes no more calls, and closes when those in flight have been answered. It is not made anew. */
  retire(): void {
    const connection = this.#connection;
    if (connection === undefined || connection.inFlight === 0) return this.close('the endpoint is gone');
    this.#retired = true;
    this.#set('draining');
    connection.drain();
  }

  /** Closes at once, for good; calls in flight fail. */
  close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#set('closed');
    this.#cancelBackoff?.();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close(reason);
  }

  tick(now: number): void {
    if (this.#state === 'ready' && now - this.#readyAt > BACKOFF_MAX_MS) this.#forgiven = 0;
    this.#connection?.tick(now);
  }

  // ClientConnectionObserver

  greeted({ instance }: Pick<Hello, 'instance'>): void {
    // The server says goodbye by itself. Until then, nothing is sent to it, and having reached it is no success.
    if (this.endpoint.isAnyInstance !== true && instance !== this.endpoint.id) {
      this.#refused = true;
      if (this.#state === 'ready') this.#set('draining');
      return;
    }
    this.#refused = false;
    // A server may say goodbye before it greets.
    if (this.#state === 'draining') return;
    this.#forgiven = this.#failures;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#notify(this.#state);
  }

  draining(reason: string): void {
    this.#lastError = reason;
    // A server that drains greets whoever comes back: without its failures, a client would come back all the time.
    this.#failures = Math.max(this.#failures, this.#forgiven);
    if (this.#state === 'ready') this.#set('draining');
  }

  closed(reason: string): void {
    this.#connection = undefined;
    if (this.#state === 'closed') return;
    // What the server said when it began to drain says more than that it has hung up since.
    if (this.#state !== 'draining' || this.#refused) this.#lastError = reason;
    if (this.#retired) this.#set('closed');
    else this.#backOff();
  }

  #connect(): void {
    const { dial } = this.#environment;
    const { host, port, path } = this.endpoint;
    this.#set('connecting');
    dial({ host, port, path, timeoutMs: CONNECT_TIMEOUT_MS }).then(
      (stream) => this.#connected(stream),
      (error: Error & { readonly code?: unknown }) => {
        this.#lastError = error.message;
        this.#refused = REFUSALS.has(error.code);
        if (this.#state !== 'closed') this.#backOff();
      },
    );
  }

  #connected(stream: ByteStream): void {
    if (this.#state === 'closed') return stream.destroy();
    const { codec, compression, limits, clock, timers, protocol } = this.#environment;
    const expectInstance = this.endpoint.isAnyInstance === true ? '' : this.endpoint.id;
    const options = { stream, codec, compression, limits, clock, timers, observer: this, expectInstance };
    this.#connection = protocol?.open(options) ?? new ClientConnection(options);
    this.#readyAt = clock.now();
    this.#set('ready');
  }

  #backOff(): void {
    const { clock, random } = this.#environment;
    // Full jitter; the first attempt after a loss comes soon, since most losses are restarts.
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#set('backoff');
    this.#cancelBackoff = clock.schedule(random() * ceilingMs, () => this.#connect(), true);
  }

  #set(state: LinkState): void {
    const previous = this.#state;
    this.#state = state;
    if (previous !== state) this.#notify(previous);
  }

  #notify(previous: LinkState): void {
    for (const observer of [...this.#observers]) observer.linkChanged(this, previous);
  }
}
