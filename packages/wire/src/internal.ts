export { CallOwner, type CallWire, type GivenUp } from './connection/calls/call-owner.js';
export { HeldMemory } from './connection/channel/held-memory.js';
export { type ResolvedKeepalive, resolveKeepalive } from './connection/channel/keepalive.js';
export { refuseStream } from './connection/channel/refuse-stream.js';
export { ClientConnection } from './connection/client/client-connection.js';
export type { CallConnection, ClientConnectionObserver } from './connection/client/client-protocol.js';
export { type ResolvedCompression, resolveCompression } from './connection/compression/compression-options.js';
export { serveMessagePackRpc } from './connection/message-pack-rpc/message-pack-rpc-server-connection.js';
export type { IncomingCall, MethodEntry } from './connection/server/incoming-call.js';
export { ServerConnection } from './connection/server/server-connection.js';
export type { ServerHost } from './connection/server/server-host.js';
export { ItemQueue } from './connection/streams/item-queue.js';
export { iteratorOf, pump } from './connection/streams/pump.js';
export { unfitToken } from './frames/hello.js';
export { packLoad } from './frames/load.js';
export { FrontDoor } from './front-door/front-door.js';
export type { ByteStream, Dial, Listener } from './transport/byte-stream.js';
export { createDial } from './transport/dial.js';
export { memoryPair } from './transport/memory.js';
export { listenTcp } from './transport/tcp.js';
export { ALPN_PROTOCOL } from './transport/tls.js';
export { listenTls } from './transport/tls-listener.js';
export { expectedIdentity } from './transport/tls-options.js';
export {
  type ClientTlsSource,
  createClientTls,
  createServerTls,
  type ServerTlsSource,
} from './transport/tls-source.js';
