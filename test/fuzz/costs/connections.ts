import { FakeClock } from '@org/rpc-testkit';
import { isRpcError, type RpcError, rpcError } from '../../../packages/rpc-core/src/error.js';
import { DEFAULT_LIMITS } from '../../../packages/rpc-core/src/limits.js';
import { type MethodRef, wireName } from '../../../packages/rpc-core/src/method-ref.js';
import { Call } from '../../../packages/rpc-core/src/service.js';
import { TimerQueue } from '../../../packages/rpc-core/src/timer-queue.js';
import { ServerStack } from '../../../packages/server/src/stack.js';
import { ClientConnection } from '../../../packages/wire/src/connection/client/client-connection.js';
import type {
  CallConnection,
  ClientConnectionOptions,
} from '../../../packages/wire/src/connection/client/client-protocol.js';
import { MessagePackRpcClientConnection } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-client-connection.js';
import { resolveMessagePackRpcOptions } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-options.js';
import { serveMessagePackRpc } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import type { IncomingCall } from '../../../packages/wire/src/connection/server/incoming-call.js';
import { ServerConnection } from '../../../packages/wire/src/connection/server/server-connection.js';
import type { ServerHost } from '../../../packages/wire/src/connection/server/server-host.js';
import { ItemQueue } from '../../../packages/wire/src/connection/streams/item-queue.js';
import type { ByteReceiver, ByteStream } from '../../../packages/wire/src/transport/byte-stream.js';
import { memoryPair } from '../../../packages/wire/src/transport/memory.js';
import { CODEC } from '../grammar/message-pack.js';
import {
  IDS,
  mutateSession,
  NATIVE_CLIENT,
  NATIVE_SERVER,
  type Peer,
  RPC_CLIENT,
  RPC_SERVER,
  renderSession,
  type Session,
  seedSessions,
  tableOf,
} from './session.js';
import type { CostRun, CostSubject } from './subject.js';

const USUAL_BYTES = 64 * 1024;
const LARGEST_BYTES = DEFAULT_LIMITS.messageBytes;
/** What is inflated is in the hands of real threads: so long they are waited for. */
const THREAD_MS = 20;
/** As much as a socket gives at once. */
const READ_BYTES = 64 * 1024;
const DEADLINE_MS = 1_000_000;

/** Both ends of both protocols, with handlers that end never and readers that read nothing. */
export const CONNECTIONS: readonly CostSubject<Session>[] = [
  connection('native-server', NATIVE_CLIENT, openServer),
  connection('native-client', NATIVE_SERVER, (peer) =>
    openClient(peer, (options) => new ClientConnection(options), true),
  ),
  connection('message-pack-rpc-server', RPC_CLIENT, openServer),
  connection('message-pack-rpc-client', RPC_SERVER, (peer) =>
    openClient(peer, (options) => new MessagePackRpcClientConnection(options, resolveMessagePackRpcOptions({})), false),
  ),
];

function connection(name: string, peer: Peer, open: (peer: Peer) => CostRun): CostSubject<Session> {
  return {
    name,
    sizes: [USUAL_BYTES, LARGEST_BYTES],
    seeds: () => seedSessions(peer),
    table: tableOf(peer),
    mutate: (session, other, chance) => mutateSession(peer, session, other, chance),
    render: (session, bytes) => renderSession(peer, session, bytes),
    open: () => open(peer),
  };
}

function openServer(peer: Peer): CostRun {
  const clock = new FakeClock(1_000);
  const [clientEnd, serverEnd] = memoryPair();
  const served = new ServerConnection({
    stream: serverEnd,
    codec: CODEC,
    limits: DEFAULT_LIMITS,
    clock,
    host: new HoldingHost(),
    messagePackRpc: serveMessagePackRpc,
  });
  return runOf(peer, clientEnd, clock, () => served.close('done'));
}

function openClient(
  peer: Peer,
  create: (options: ClientConnectionOptions) => CallConnection,
  withStreams: boolean,
): CostRun {
  const clock = new FakeClock(1_000);
  const timers = new TimerQueue(clock);
  const [clientEnd, serverEnd] = memoryPair();
  const observer = { greeted: () => {}, draining: () => {}, closed: () => {} };
  const options = { stream: clientEnd, codec: CODEC, limits: DEFAULT_LIMITS, clock, timers, observer };
  const client = create({ ...options, expectInstance: '' });
  const last = { result: undefined as unknown };
  const calls = Array.from({ length: IDS }, (_, index) => send(client, clock, withStreams && index % 2 === 0, last));
  return runOf(peer, serverEnd, clock, () => {
    client.close('done');
    timers.close();
    calls.length = 0;
    last.result = undefined;
  });
}

/** A caller that uses what a call comes to, and lets go of it. What nobody has read of its stream waits. */
function send(client: CallConnection, clock: FakeClock, isStream: boolean, last: { result: unknown }): unknown {
  const call = new Call(ROUTE, [], false);
  call.startedAt = clock.now();
  call.attemptDeadline = clock.now() + DEADLINE_MS;
  call.deadline = call.attemptDeadline;
  if (isStream) call.stream = { received: new ItemQueue(), opened: () => {} };
  const use = (result: unknown): void => {
    last.result = result;
  };
  client.send(call).then(use, use);
  return call.stream;
}

const ROUTE: MethodRef = { service: 'test', method: 'hold', wireName: wireName('test', 'hold') };

function runOf(peer: Peer, stream: ByteStream, clock: FakeClock, close: () => void): CostRun {
  stream.start(NOBODY);
  return {
    take: async ({ input, inflates }) => {
      // What is compressed may come only when the greeting is over.
      stream.write(input.subarray(0, peer.opening.length));
      await clock.advance(0);
      for (let at = peer.opening.length; at < input.length; at += READ_BYTES) {
        stream.write(input.subarray(at, at + READ_BYTES));
        await clock.advance(0);
      }
      if (inflates === true) await new Promise((done) => setTimeout(done, THREAD_MS));
    },
    counted: () => undefined,
    close,
  };
}

/** Reads what comes and keeps nothing of it. */
const NOBODY: ByteReceiver = { data: () => {}, drained: () => {}, ended: () => {}, closed: () => {} };

/** A host whose handlers keep what they got. */
class HoldingHost implements ServerHost {
  readonly self = { instance: 'held', uptimeMs: 1, metadataFirst: false, draining: new AbortController().signal };
  readonly #stack = new ServerStack({
    authorize: undefined,
    admission: { enter: () => undefined, leave: () => {} },
    run: (call) => {
      call.started = true;
      return call.method === 'echo' ? call.args[0] : new Promise(() => call.metadata);
    },
    runStream: (call) => {
      call.started = true;
      return endless(call.signal);
    },
    presentable: (error) => (isRpcError(error) ? error : rpcError('INTERNAL', 'failed')),
    ended: () => {},
  });

  find(name: string, serviceLength?: number): { service: string; method: string } | RpcError {
    const method = serviceLength === undefined ? name.replace(/^test\./, '') : name.slice(serviceLength);
    if (['hold', 'echo', 'streams'].includes(method)) return { service: 'test', method };
    return rpcError('UNIMPLEMENTED', 'no such method', { progress: 'refused' });
  }

  serve(call: IncomingCall, bytes: Buffer, start: number, end: number): void {
    this.#stack.serve(call, bytes, start, end);
  }

  closed(): void {}
}

async function* endless(signal: AbortSignal): AsyncIterable<unknown> {
  await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
}
