import {
  Call,
  DEFAULT_LIMITS,
  isRpcError,
  type Limits,
  type Metadata,
  type MethodRef,
  type RpcError,
} from '@org/rpc-core';
import { rpcError, TimerQueue, wireName } from '@org/rpc-core/internal';
import { ServerStack } from '@org/rpc-server/internal';
import { FakeClock } from '@org/rpc-testkit';
import { msgpack } from '../src/codec/msgpack.js';
import type { HeldMemory } from '../src/connection/channel/held-memory.js';
import type { ResolvedKeepalive } from '../src/connection/channel/keepalive.js';
import { ClientConnection } from '../src/connection/client/client-connection.js';
import type { ResolvedCompression } from '../src/connection/compression/compression-options.js';
import { serveMessagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import type { IncomingCall, MethodEntry } from '../src/connection/server/incoming-call.js';
import { ServerConnection } from '../src/connection/server/server-connection.js';
import type { ServerHost } from '../src/connection/server/server-host.js';
import { PREFACE } from '../src/frames/frame.js';
import type { Hello } from '../src/frames/hello.js';
import type { ServerSecret } from '../src/frames/proof.js';
import type { ByteStream } from '../src/transport/byte-stream.js';
import { memoryPair } from '../src/transport/memory.js';
import { helloFrame, RawPeer } from './raw-peer.js';

/** A method of the service `test`: its arguments, then the call. */
export type TestMethod = (...args: never[]) => unknown;

/** A host with methods, behind the stack of a real server, that records what its connections tell it. */
export class TestHost implements ServerHost {
  self = { instance: 'test-instance', uptimeMs: 7, metadataFirst: false, draining: new AbortController().signal };
  authorize: ((call: IncomingCall) => void | Promise<void>) | undefined = undefined;
  admission: RpcError | undefined = undefined;
  // The last argument is the call.
  readonly methods: Record<string, TestMethod> = { echo: (...all: unknown[]) => (all.length > 1 ? all[0] : undefined) };
  readonly ended: { call: IncomingCall; error: unknown }[] = [];
  /** Calls that had been admitted, and ended. */
  readonly left: IncomingCall[] = [];
  readonly closedReasons: string[] = [];
  readonly presented: unknown[] = [];
  /** The codes of one-way calls that were refused before they came here. */
  readonly droppedCodes: string[] = [];
  calls: IncomingCall[] = [];
  load: (() => number) | undefined;
  /** Methods whose callers send items. */
  readonly takesItems = new Set<string>();

  dropped({ code }: RpcError): void {
    this.droppedCodes.push(code);
  }

  readonly #stack = new ServerStack({
    authorize: (call) => this.authorize?.(call),
    admission: {
      enter: () => this.admission,
      leave: (call) => void this.left.push(call),
    },
    run: (call) => {
      this.calls.push(call);
      call.started = true;
      return this.methods[call.method]!(...(call.args as never[]), call as never);
    },
    runStream: (call, items) => {
      this.calls.push(call);
      call.started = true;
      return this.methods[call.method]!(items as never, ...(call.args as never[]));
    },
    presentable: (error) => {
      this.presented.push(error);
      return isRpcError(error) ? error : rpcError('INTERNAL', `hidden: ${(error as Error).message}`);
    },
    ended: (call, error) => void this.ended.push({ call, error }),
  });

  find(name: string, serviceLength?: number): MethodEntry | RpcError {
    if (serviceLength === undefined)
      return name.startsWith('test.') ? this.find(name.replace('.', ''), 4) : this.find(`test${name}`, 4);
    const service = name.slice(0, serviceLength);
    const method = name.slice(serviceLength);
    if (service === 'test' && Object.hasOwn(this.methods, method))
      return { service, method, takesItems: this.takesItems.has(method) };
    return rpcError('UNIMPLEMENTED', 'no such method', { progress: 'refused' });
  }

  serve(call: IncomingCall, bytes: Buffer, start: number, end: number): void {
    this.#stack.serve(call, bytes, start, end);
  }

  closed(_connection: unknown, reason: string): void {
    this.closedReasons.push(reason);
  }
}

/** What a rig is made of; what is left out has a sensible value. */
export interface RigOptions {
  readonly limits?: Partial<Limits>;
  readonly clientLimits?: Partial<Limits>;
  readonly expectInstance?: string;
  /** Of the server's entry: for a server whether it is demanded too, for a client the text alone. */
  readonly secret?: string | ServerSecret;
  /** What both sides compress, where it is a pair. */
  readonly compression?: ResolvedCompression;
  readonly keepalive?: ResolvedKeepalive;
  /** What the server's connection shares with others. */
  readonly memory?: HeldMemory;
  /** Whether the client wants to know how busy the server is, and what the server says of it, by `packLoad`. */
  readonly wantsLoad?: boolean;
  readonly load?: () => number;
  /** Wraps the stream of the connection under test, in a pair those of both. */
  readonly wrap?: (stream: ByteStream) => ByteStream;
}

/** Makes a call of `test`. */
export interface CallSketch {
  readonly timeoutMs?: number;
  readonly oneWay?: boolean;
  readonly signal?: AbortSignal;
  readonly metadata?: Metadata;
  readonly idempotent?: boolean;
}

const METHODS = new Map<string, MethodRef>();

/** A call of a method of `test` that starts now. */
export function makeCall(clock: FakeClock, method: string, args: readonly unknown[], sketch: CallSketch = {}): Call {
  let ref = METHODS.get(method);
  if (ref === undefined) {
    ref = { service: 'test', method, wireName: wireName('test', method) };
    METHODS.set(method, ref);
  }
  const call = new Call(ref, args, sketch.oneWay ?? false);
  call.startedAt = clock.now();
  if (sketch.timeoutMs !== undefined) call.attemptDeadline = clock.now() + sketch.timeoutMs;
  call.deadline = call.attemptDeadline;
  call.signal = sketch.signal;
  call.metadata = sketch.metadata;
  call.idempotent = sketch.idempotent ?? false;
  return call;
}

/** A server's connection with a raw peer at its other end. */
export interface ServerRig {
  readonly clock: FakeClock;
  readonly host: TestHost;
  readonly connection: ServerConnection;
  readonly peer: RawPeer;
  /** Lets everything settle. */
  settle(): Promise<void>;
}

/** Makes a {@link ServerRig}; with `greet` the peer has sent preface and HELLO. */
export function serverRig(options: RigOptions = {}): ServerRig {
  const clock = new FakeClock(1_000);
  const host = new TestHost();
  host.load = options.load;
  const [clientEnd, serverEnd] = memoryPair();
  const connection = new ServerConnection({
    messagePackRpc: serveMessagePackRpc,
    stream: options.wrap?.(serverEnd) ?? serverEnd,
    codec: msgpack(),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    clock,
    host,
    compression: options.compression,
    keepalive: options.keepalive,
    memory: options.memory,
    secret: typeof options.secret === 'object' ? options.secret : undefined,
  });
  return { clock, host, connection, peer: new RawPeer(clientEnd), settle: () => clock.advance(0) };
}

/** A {@link ServerRig} whose peer has sent preface and HELLO. */
export async function greetedServerRig(options: RigOptions = {}): Promise<ServerRig> {
  const rig = serverRig(options);
  rig.peer.send(PREFACE, helloFrame());
  await rig.settle();
  return rig;
}

/** What a client's connection has told its observer. */
export interface ObserverRecord {
  greeted: Hello[];
  draining: string[];
  closed: string[];
}

/** A client's connection with a raw peer at its other end. */
export interface ClientRig {
  readonly clock: FakeClock;
  readonly timers: TimerQueue;
  readonly connection: ClientConnection;
  readonly observed: ObserverRecord;
  readonly peer: RawPeer;
  /** Sends a call and records how it ends. */
  call(method: string, args?: readonly unknown[], sketch?: CallSketch): SentCall;
  settle(): Promise<void>;
}

/** A call that was sent, and what became of it. */
export interface SentCall {
  readonly call: Call;
  readonly promise: Promise<unknown>;
  /** How often its promise was settled, by either function. */
  settledTimes: number;
  value: unknown;
  error: RpcError | undefined;
}

/** Makes a {@link ClientRig}. */
export function clientRig(options: RigOptions = {}): ClientRig {
  const clock = new FakeClock(1_000);
  const [clientEnd, serverEnd] = memoryPair();
  return { ...clientOver(clock, options.wrap?.(clientEnd) ?? clientEnd, options), peer: new RawPeer(serverEnd) };
}

/** A {@link ClientRig} whose peer has sent its HELLO. */
export async function greetedClientRig(options: RigOptions = {}): Promise<ClientRig> {
  const rig = clientRig(options);
  rig.peer.send(helloFrame());
  await rig.settle();
  return rig;
}

/** A client's and a server's connection with each other. */
export interface PairRig extends Omit<ClientRig, 'peer'> {
  readonly host: TestHost;
  readonly server: ServerConnection;
}

/** Makes a {@link PairRig}; `limits` are those of the server. */
export function pairRig(options: RigOptions = {}): PairRig {
  const clock = new FakeClock(1_000);
  const host = new TestHost();
  host.load = options.load;
  const [clientEnd, serverEnd] = memoryPair();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { compression, wrap = (stream) => stream } = options;
  const server = new ServerConnection({
    messagePackRpc: serveMessagePackRpc,
    stream: wrap(serverEnd),
    codec: msgpack(),
    limits,
    clock,
    host,
    compression,
  });
  return { ...clientOver(clock, wrap(clientEnd), { ...options, limits: options.clientLimits ?? {} }), host, server };
}

function clientOver(clock: FakeClock, stream: ByteStream, options: RigOptions): Omit<ClientRig, 'peer'> {
  const timers = new TimerQueue(clock);
  const observed: ObserverRecord = { greeted: [], draining: [], closed: [] };
  const connection = new ClientConnection({
    stream,
    codec: msgpack(),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    clock,
    timers,
    observer: {
      greeted: (hello) => observed.greeted.push(hello),
      draining: (reason) => observed.draining.push(reason),
      closed: (reason) => observed.closed.push(reason),
    },
    expectInstance: options.expectInstance ?? '',
    wantsLoad: options.wantsLoad,
    secret: typeof options.secret === 'string' ? options.secret : undefined,
    compression: options.compression,
    keepalive: options.keepalive,
  });
  const call = (method: string, args: readonly unknown[] = [], sketch: CallSketch = {}): SentCall =>
    send(connection, makeCall(clock, method, args, sketch));
  return { clock, timers, connection, observed, call, settle: () => clock.advance(0) };
}

/** Sends a call on a connection and records how it ends. */
export function send(connection: ClientConnection, call: Call): SentCall {
  const sent: SentCall = { call, promise: connection.send(call), settledTimes: 0, value: undefined, error: undefined };
  // The promise itself can settle only once: what counts is how often somebody tried.
  const { resolve, reject } = call;
  if (resolve !== undefined && reject !== undefined) {
    call.resolve = (value) => {
      sent.settledTimes++;
      resolve(value);
    };
    call.reject = (error) => {
      sent.settledTimes++;
      reject(error);
    };
  }
  sent.promise.then(
    (value) => {
      sent.value = value;
      sent.settledTimes ||= 1;
    },
    (error: RpcError) => {
      sent.error = error;
      sent.settledTimes ||= 1;
    },
  );
  return sent;
}
