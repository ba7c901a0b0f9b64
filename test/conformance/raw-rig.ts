import { RpcClient, resolveClientOptions } from '../../packages/client/src/internal.js';
import {
  type Client,
  type ClientOptions,
  createServer,
  direct,
  memory,
  type Server,
} from '../../packages/rpc/src/index.js';
import type { RpcServer } from '../../packages/server/src/internal.js';
import { FakeClock, seededRandom } from '../../packages/testkit/src/index.js';
import { FrameType, PREFACE } from '../../packages/wire/src/frames/frame.js';
import { memoryPair } from '../../packages/wire/src/transport/memory.js';
import { helloFrame, type RawFrame, RawPeer } from '../../packages/wire/test/raw-peer.js';
import { Conformance, conformanceHandlers } from './service.js';

/** A client of ours; each of its connections has a raw peer at the other end. */
export interface RawServerRig {
  readonly clock: FakeClock;
  readonly client: Client;
  /** The other ends of its connections, in order. */
  readonly peers: readonly RawPeer[];
  /** Lets time pass until a request has come over the newest connection. */
  request(): Promise<{ readonly peer: RawPeer; readonly frame: RawFrame }>;
}

/** What a {@link RawServerRig} may be told. */
export interface RawServerOptions extends Pick<ClientOptions, 'concurrency'> {
  /** Whether its peers greet as good servers do (default true), and with what. */
  readonly greet?: boolean;
  readonly hello?: Record<string, unknown>;
}

/** Makes a {@link RawServerRig}. */
export function rawServerRig({ greet = true, hello, ...own }: RawServerOptions = {}): RawServerRig {
  const clock = new FakeClock(1_000);
  const peers: RawPeer[] = [];
  const options = resolveClientOptions({ registry: direct(['127.0.0.1:1']), clock, random: seededRandom(1), ...own });
  const client = new RpcClient(options, async () => {
    const [clientEnd, serverEnd] = memoryPair();
    const peer = new RawPeer(serverEnd);
    peers.push(peer);
    if (greet) peer.send(helloFrame(hello));
    return clientEnd;
  });
  const request = async (): Promise<{ peer: RawPeer; frame: RawFrame }> => {
    for (let ms = 0; ms < 1_000; ms++) {
      await clock.advance(1);
      const peer = peers.at(-1);
      const frame = peer?.framesOf(FrameType.REQUEST).at(-1);
      if (peer !== undefined && frame !== undefined) return { peer, frame };
    }
    throw new Error('no request has come');
  };
  return { clock, client, peers, request };
}

/** The server of the suite with a raw peer as its client. */
export interface RawClientRig {
  readonly clock: FakeClock;
  readonly server: Server;
  readonly peer: RawPeer;
  settle(): Promise<void>;
}

/** Makes a {@link RawClientRig} whose peer has greeted, unless `greet` is false. */
export function rawClientRig({ greet = true }: { greet?: boolean } = {}): RawClientRig {
  const clock = new FakeClock(1_000);
  const server = createServer({ registry: memory(), clock }) as RpcServer;
  server.add(Conformance, conformanceHandlers(clock));
  const [clientEnd, serverEnd] = memoryPair();
  server.accept(serverEnd);
  const peer = new RawPeer(clientEnd);
  if (greet) peer.send(PREFACE, helloFrame());
  return { clock, server, peer, settle: () => clock.advance(10) };
}
