import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import {
  type Client,
  createClient,
  createServer,
  defineService,
  direct,
  duplex,
  memory,
  messagePackRpc,
  method,
  msgpack,
  stream,
  upload,
} from '@org/rpc';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { answersOf, rpcMessage } from './message-pack-rpc-bytes.js';

const Feed = defineService('feed', {
  numbers: stream<(limit: number) => AsyncIterable<number>>(),
  sum: upload<(items: AsyncIterable<number>) => Promise<number>>(),
  chat: duplex<(items: AsyncIterable<string>) => AsyncIterable<string>>(),
  ping: method<() => string>(),
});

describe('methods with streams and MessagePack-RPC, which has none', () => {
  let run = 0;
  const began = <T>(value: T): T => {
    run++;
    return value;
  };
  const server = createServer({ registry: memory() });
  server.add(Feed, {
    numbers: () => began([1]),
    sum: () => began(0),
    chat: () => began(['a']),
    ping: () => 'pong',
  });
  let port = 0;
  before(async () => {
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(() => server.close({ drainMs: 0, graceMs: 0 }));

  it('are refused by a server in words that say why, and nothing runs', async () => {
    const requests = [
      rpcMessage(0, 1, 'feed.numbers', [3]),
      rpcMessage(0, 2, 'sum', [[1, 2]]),
      rpcMessage(0, 3, 'feed.chat', []),
      rpcMessage(2, 'feed.sum', [[1]]),
      rpcMessage(0, 4, 'ping', []),
    ];
    assert.deepEqual(await answersOf(port, requests, 4), [
      [1, 1, 'UNIMPLEMENTED: feed.numbers is a stream method: MessagePack-RPC has no streams', null],
      [1, 2, 'UNIMPLEMENTED: feed.sum is an upload method: MessagePack-RPC has no streams', null],
      [1, 3, 'UNIMPLEMENTED: feed.chat is a duplex method: MessagePack-RPC has no streams', null],
      [1, 4, null, 'pong'],
    ]);
    assert.equal(run, 0);
  });

  describe('are refused by a client before anything is sent', () => {
    let peer: ReturnType<typeof createSocketServer>;
    let client: Client;
    const asked: unknown[] = [];
    before(async () => {
      // A server of another language, for which `numbers` and `sum` are methods like any other.
      peer = createSocketServer((socket) => answerEverything(socket, asked)).listen(0, '127.0.0.1');
      await once(peer, 'listening');
      const address = `127.0.0.1:${(peer.address() as AddressInfo).port}`;
      client = createClient({ registry: direct([address]), protocol: messagePackRpc() });
    });
    after(async () => {
      await client.close();
      peer.close();
    });

    const refusal = { code: 'UNIMPLEMENTED', reason: 'MessagePack-RPC has no streams', progress: 'unsent' };

    it('as a stream, an upload and a duplex call', async () => {
      const feed = client.service(Feed);
      assert.equal(await feed.ping(), 'answered');
      await assert.rejects(feed.numbers(1)[Symbol.asyncIterator]().next(), refusal);
      await assert.rejects(feed.sum([1]), refusal);
      await assert.rejects(feed.chat(['a'])[Symbol.asyncIterator]().next(), refusal);
      assert.deepEqual(asked, ['feed.ping']);
      assert.equal(await feed.ping(), 'answered');
    });
  });
});

function answerEverything(socket: Socket, asked: unknown[]): void {
  const decode = msgpack().createDecoder(DEFAULT_LIMITS);
  socket.on('error', () => {});
  socket.on('data', (bytes: Buffer) => {
    // One small request at a time, which comes whole on the loopback.
    const [, id, name] = decode(bytes, 0, bytes.length) as [number, number, string];
    asked.push(name);
    socket.write(rpcMessage(1, id, null, 'answered'));
  });
}
