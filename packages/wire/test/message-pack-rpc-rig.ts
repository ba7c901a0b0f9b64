import { DEFAULT_LIMITS } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { msgpack } from '../src/codec/msgpack.js';
import { serveMessagePackRpc } from '../src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from '../src/connection/server/server-connection.js';
import { memoryPair } from '../src/transport/memory.js';
import { type RigOptions, TestHost } from './connection-rig.js';
import { MessagePackRpcPeer } from './message-pack-rpc-peer.js';

/** A server's end of a connection in memory, and a peer that speaks MessagePack-RPC to it. */
export function messagePackRpcRig(options: RigOptions = {}) {
  const clock = new FakeClock(1_000);
  const host = new TestHost();
  const [clientEnd, serverEnd] = memoryPair();
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const connection = new ServerConnection({
    stream: serverEnd,
    codec: msgpack(),
    limits,
    clock,
    host,
    messagePackRpc: serveMessagePackRpc,
  });
  const peer = new MessagePackRpcPeer(clientEnd);
  return { clock, host, connection, peer, settle: () => clock.advance(0) };
}

/** Sends bytes; returns what came back, and whether the connection was then ended. */
export async function answersTo(bytes: Buffer, options: RigOptions = {}) {
  const { peer, settle, host } = messagePackRpcRig(options);
  peer.send(bytes);
  await settle();
  return { messages: peer.messages, hasEnded: peer.hasEnded, host };
}

/** A handler that answers when the test lets it. */
export function held(host: TestHost, name: string) {
  const waiting: ((value: unknown) => void)[] = [];
  host.methods[name] = () => new Promise((resolve) => waiting.push(resolve));
  return waiting;
}
