import type { Cancel, Clock, Limits, Random } from '@org/rpc-core';
import type { TimerQueue } from '@org/rpc-core/internal';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import type { ClientProtocol, Codec } from '@org/rpc-wire';
import {
  type ByteStream,
  type CallConnection,
  ClientConnection,
  type ClientConnectionObserver,
  type Dial,
  type ResolvedCompression,
  type ResolvedKeepalive,
} from '@org/rpc-wire/internal';

import type { KnownContracts } from './known-contracts.js';
import type { TokenSource } from './token-source.js';

/** What a link needs of its client; the same for all links. */
export interface LinkEnvironment {
  readonly dial: Dial;
  readonly codec: Codec;
  readonly compression?: ResolvedCompression | undefined;
  readonly keepalive?: ResolvedKeepalive | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly random: Random;
  readonly timers: TimerQueue;
  /** What the client calls itself towards its servers. */
  readonly name?: string | undefined;
  /** Whether servers are to say how busy they are; left out: not. */
  readonly wantsLoad?: boolean | undefined;
  /** The client's contracts, which are sent to its servers. */
  readonly contracts?: Pick<KnownContracts, 'text' | 'greeted'> | undefined;
  /** What shows servers who the client is; `undefined`: nothing but its certificate. */
  readonly token?: Pick<TokenSource, 'get'> | undefined;
  /** `undefined` is the native one. */
  readonly protocol?: ClientProtocol | undefined;
  /** Where calls wait that cannot be sent yet, shared by the connections to one server; left out: each has its own. */
  readonly queue?: Parameters<ClientProtocol['open']>[0]['queue'];
}

/** Errors of connecting which mean that the instance is not there. Silence means nothing. */
const REFUSALS: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT']);

/** What a link is doing. Only `ready` takes calls. */
export type LinkState = 'idle' | 'connecting' | 'ready' | 'draining' | 'backoff' | 'closed';

/** A stream that was opened, and what is to be shown over it. */
interface Dialled {
  readonly stream: ByteStream;
  readonly token: string | undefined;
}

/** Each state with the fields that exist only in it. */
type State =
  /** Made, and not used yet. */
  | { readonly name: 'idle' }
  /** `isHopeful`: the first attempt after a lost connection, and nothing else speaks against the server. */
  | { readonly name: 'connecting'; readonly isHopeful: boolean }
  | { readonly name: 'ready'; readonly connection: CallConnection; readonly since: number }
  /** Finishes the calls in flight. `isRetired`: it does not connect again after that. */
  | { readonly name: 'draining'; readonly connection: CallConnection; readonly isRetired: boolean }
  | { readonly name: 'backoff'; readonly cancel: Cancel; readonly isHopeful: boolean }
  | { readonly name: 'closed' };

const IDLE: State = { name: 'idle' };
const CLOSED: State = { name: 'closed' };

/** Is told of a link's changes: a node of each service that the endpoint serves. */
export interface LinkObserver {
  linkChanged(link: NodeLink, previous: LinkState): void;
}

/** The way from a node to its endpoint, as others see it: one connection, or several. */
export type NodeLink = Pick<
  Link,
  | 'endpoint'
  | 'address'
  | 'identity'
  | 'state'
  | 'connection'
  | 'failures'
  | 'mayComeSoon'
  | 'isRefused'
  | 'isDenied'
  | 'lastError'
  | 'inFlight'
  | 'observe'
  | 'unobserve'
  | 'connect'
  | 'retire'
  | 'close'
  | 'tick'
>;

const CONNECT_TIMEOUT_MS = 3_000;
/**
 * A connection that has lasted this long, in milliseconds, has worked, and its loss is no reason to wait. A shorter one is made
 * anew without a pause only once in this time: its loss may be an accident.
 */
const WORKED_MS = 1_000;
const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 10_000;

/**
 * The connection to one endpoint, made anew whenever it is lost. After one that had worked it connects at once, since most losses
 * are restarts or a proxy that closes idle connections; after one that was lost early, at most once a second. Otherwise it waits
 * with a jittered backoff, so that clients that cannot reach the same server do not all come back at the same moment.
 *
 * idle -> connecting -> ready -> (lost) backoff -> connecting; ready -> draining -> (closed by idleness) backoff, or closed when nobody
 * uses it any more; closed is final.
 */
export class Link implements NodeLink, ClientConnectionObserver {
  readonly endpoint: Endpoint;
  readonly address: string;
  /** Over TLS, the identity that must be found there; `undefined`: the name of the host. */
  readonly identity: string | undefined;
  readonly #environment: LinkEnvironment;
  readonly #observers = new Set<LinkObserver>();
  #state: State = IDLE;
  #failures = 0;
  /** The failures before the last greeting, kept while that greeting may be from a server that is about to leave. */
  #forgiven = 0;
  #refused = false;
  #denied = false;
  /** When it was last made anew without a pause. */
  #hastenedAt = Number.NEGATIVE_INFINITY;
  #lastError: string | undefined;
  /** Connections that were replaced; they finish their calls. */
  readonly #replaced = new Set<CallConnection>();
  #isReplacing = false;
  /** It is to take the place of the connection, and has not been greeted yet. */
  #next: CallConnection | undefined;

  /** Does nothing yet: see {@link connect}. */
  constructor(endpoint: Endpoint, environment: LinkEnvironment, identity?: string) {
    this.endpoint = endpoint;
    this.identity = identity;
    this.address = endpointAddress(endpoint);
    this.#environment = environment;
  }

  get state(): LinkState {
    return this.#state.name;
  }

  /** The connection that takes calls; `undefined` unless ready. */
  get connection(): CallConnection | undefined {
    const state = this.#state;
    return state.name === 'ready' ? state.connection : undefined;
  }

  /** Attempts to connect that failed since the last greeting, or that found a server about to leave. */
  get failures(): number {
    return this.#failures;
  }

  /**
   * Whether it will probably be ready soon: it connects for the first time, or for the first time after a lost connection.
   */
  get mayComeSoon(): boolean {
    const state = this.#state;
    if (state.name === 'connecting') return state.isHopeful || this.#failures === 0;
    return state.name === 'backoff' && state.isHopeful;
  }

  /** Whether the last attempt to connect was answered with a refusal: its instance is not there. */
  get isRefused(): boolean {
    return this.#refused;
  }

  /** Whether the server has not believed who this client is, the last time that it was asked. */
  get isDenied(): boolean {
    return this.#denied;
  }

  /** Why it is not ready, in words for people. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  get inFlight(): number {
    let sum = this.#held?.inFlight ?? 0;
    for (const { inFlight } of this.#replaced) sum += inFlight;
    return sum;
  }

  /** The connection that takes calls, or finishes its last ones. */
  get #held(): CallConnection | undefined {
    const state = this.#state;
    return state.name === 'ready' || state.name === 'draining' ? state.connection : undefined;
  }

  observe(observer: LinkObserver): void {
    this.#observers.add(observer);
  }

  unobserve(observer: LinkObserver): void {
    this.#observers.delete(observer);
  }

  /** Connects for the first time, and from then on by itself; later calls do nothing. To be ended with {@link close}. */
  connect(): void {
    if (this.#state.name === 'idle') this.#connect(false);
  }

  /** Takes no more calls, and closes when those in flight have been answered. It is not made anew. */
  retire(): void {
    const connection = this.#held;
    if (connection === undefined || this.inFlight === 0) return this.close('the endpoint is gone');
    this.#setState({ name: 'draining', connection, isRetired: true });
    connection.drain();
  }

  /** Closes at once, for good; calls in flight fail. */
  close(reason: string): void {
    const state = this.#state;
    if (state.name === 'closed') return;
    const connection = this.#held;
    if (state.name === 'backoff') state.cancel();
    this.#setState(CLOSED);
    connection?.close(reason);
    this.#next?.close(reason);
    for (const each of [...this.#replaced]) each.close(reason);
  }

  tick(now: number): void {
    const state = this.#state;
    if (state.name === 'ready' && now - state.since > BACKOFF_MAX_MS) this.#forgiven = 0;
    this.#held?.tick(now);
    this.#next?.tick(now);
    for (const connection of this.#replaced) connection.tick(now);
  }

  // ClientConnectionObserver

  greeted({
    instance,
    contracts,
  }: Pick<Parameters<ClientConnectionObserver['greeted']>[0], 'instance' | 'contracts'>): void {
    // The server says goodbye by itself. Until then nothing is sent to it, and this connection does not count as a success.
    if (this.endpoint.isAnyInstance !== true && instance !== this.endpoint.id) {
      this.#refused = true;
      this.#drain();
      return;
    }
    this.#refused = false;
    this.#environment.contracts?.greeted({ contracts, instance, endpoint: this.address });
    // A server may say goodbye before it greets.
    if (this.#state.name === 'draining') return;
    this.#denied = false;
    this.#forgiven = this.#failures;
    this.#failures = 0;
    this.#lastError = undefined;
    this.#notify(this.#state.name);
  }

  draining(reason: string): void {
    this.#lastError = reason;
    // A draining server greets clients that come back: if its failures were forgotten, they would come back all the time.
    this.#failures = Math.max(this.#failures, this.#forgiven);
    this.#drain();
  }

  /** Make before break: calls go on here until the other connection is there, and its server knows who this client is. */
  aged(reason: string): void {
    const state = this.#state;
    if (state.name !== 'ready' || this.#isReplacing) return;
    const old = state.connection;
    this.#isReplacing = true;
    this.#dial().then(
      (dialled) => {
        if (this.connection === old) this.#next = this.#open(dialled, this.#successorOf(old, reason));
        else {
          this.#isReplacing = false;
          dialled.stream.destroy();
        }
      },
      (error: Error & { readonly code?: unknown }) => this.#notReplaced(old, reason, error.code !== 'UNAUTHENTICATED'),
    );
  }

  /** What is done with the connection that is to take the place of another one. */
  #successorOf(old: CallConnection, reason: string): ClientConnectionObserver {
    let isDraining: string | undefined;
    return {
      greeted: (hello) => {
        const next = this.#next;
        this.#next = undefined;
        this.#isReplacing = false;
        if (next === undefined) return;
        if (this.connection !== old) return next.close('another connection has taken its place');
        this.#replaced.add(old);
        this.#setState({ name: 'ready', connection: next, since: this.#environment.clock.now() });
        old.drain();
        this.greeted(hello);
        if (isDraining !== undefined) this.draining(isDraining);
      },
      // A server may say goodbye before it greets.
      draining: (why) => {
        isDraining = why;
      },
      closed: (_why, isDenied = false) => {
        this.#next = undefined;
        if (isDenied) this.#denied = true;
        this.#notReplaced(old, reason, isDenied);
      },
    };
  }

  /** @param isOver - whether it makes no sense to go on with the old one, and to try again later */
  #notReplaced(old: CallConnection, reason: string, isOver: boolean): void {
    this.#isReplacing = false;
    if (this.connection !== old) return;
    const { clock, random } = this.#environment;
    if (!isOver) return void clock.schedule(random() * BACKOFF_MAX_MS, () => this.#agedStill(old, reason), true);
    this.draining(reason);
    old.drain();
  }

  #agedStill(old: CallConnection, reason: string): void {
    if (this.connection === old) this.aged(reason);
  }

  closed(reason: string, isDenied = false): void {
    this.#denied = isDenied;
    const state = this.#state;
    if (state.name === 'closed') return;
    // The reason with which the server began to drain says more than that it has closed since.
    if (state.name !== 'draining' || this.#refused) this.#lastError = reason;
    if (state.name === 'draining' && state.isRetired) {
      const [connection] = this.#replaced;
      if (connection === undefined) return this.#setState(CLOSED);
      this.#replaced.delete(connection);
      return this.#setState({ ...state, connection });
    }
    if (state.name !== 'ready' || !state.connection.isGreeted) return this.#backOff(false);
    const now = this.#environment.clock.now();
    const isHopeful = this.#failures === 0;
    // Not each time: connections that always end at once would be made anew without any pause.
    const isMishap = isHopeful && now - this.#hastenedAt >= WORKED_MS;
    if (now - state.since < WORKED_MS && !isMishap) return this.#backOff(isHopeful);
    this.#hastenedAt = now;
    this.#failures++;
    this.#connect(true);
  }

  #connect(isHopeful: boolean): void {
    this.#setState({ name: 'connecting', isHopeful });
    this.#dial().then(
      (dialled) => this.#connected(dialled),
      (error: Error & { readonly code?: unknown }) => {
        this.#lastError = error.message;
        this.#refused = REFUSALS.has(error.code);
        this.#denied = error.code === 'UNAUTHENTICATED';
        if (this.#state.name !== 'closed') this.#backOff(false);
      },
    );
  }

  async #dial(): Promise<Dialled> {
    const { host, port, path, id, features } = this.endpoint;
    const { dial, token: source } = this.#environment;
    const token = source && (await source.get());
    const { identity } = this;
    const instance = features?.includes('shared-address') === true ? id : undefined;
    return { stream: await dial({ host, port, path, timeoutMs: CONNECT_TIMEOUT_MS, identity, instance }), token };
  }

  #connected(dialled: Dialled): void {
    if (this.#state.name === 'closed') return dialled.stream.destroy();
    const connection = this.#open(dialled, this);
    this.#setState({ name: 'ready', connection, since: this.#environment.clock.now() });
  }

  /** @param first - is told of its events as long as it is not the connection of this link */
  #open({ stream, token }: Dialled, first: ClientConnectionObserver): CallConnection {
    const { name, codec, compression, keepalive, limits, clock, timers, queue, protocol, wantsLoad } =
      this.#environment;
    const contracts = this.#environment.contracts?.text;
    const expectInstance = this.endpoint.isAnyInstance === true ? '' : this.endpoint.id;
    // Events of a connection that was replaced, or that came too late to be one of this link, do not concern it.
    const whom = (): ClientConnectionObserver | undefined =>
      connection === this.#next ? first : connection === this.#held ? this : undefined;
    const observer: ClientConnectionObserver = {
      greeted: (hello) => whom()?.greeted(hello),
      draining: (reason) => whom()?.draining(reason),
      aged: (reason) => {
        if (connection === this.#held) this.aged(reason);
      },
      closed: (reason, isDenied) => void (this.#replaced.delete(connection) || whom()?.closed(reason, isDenied)),
    };
    const options = {
      name,
      stream,
      codec,
      compression,
      keepalive,
      limits,
      clock,
      timers,
      queue,
      observer,
      expectInstance,
      contracts,
      wantsLoad,
      secret: this.endpoint.secret?.reveal(),
      token,
    };
    const connection: CallConnection = protocol?.open(options) ?? new ClientConnection(options);
    return connection;
  }

  /** The server takes no more calls on this connection. */
  #drain(): void {
    const state = this.#state;
    if (state.name === 'ready') this.#setState({ name: 'draining', connection: state.connection, isRetired: false });
  }

  #backOff(isHopeful: boolean): void {
    const { clock, random } = this.#environment;
    // Full jitter.
    const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    const cancel = clock.schedule(random() * ceilingMs, () => this.#connect(isHopeful), true);
    this.#setState({ name: 'backoff', cancel, isHopeful });
  }

  #setState(state: State): void {
    const previous = this.#state.name;
    this.#state = state;
    if (previous !== state.name) this.#notify(previous);
  }

  #notify(previous: LinkState): void {
    for (const observer of [...this.#observers]) observer.linkChanged(this, previous);
  }
}
