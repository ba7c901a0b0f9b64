import assert from 'node:assert/strict';
import {
  type ClientOptions,
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  messagePackRpc,
  method,
  type Server,
} from '@org/rpc';

const Files = defineService('files', { read: method<(bytes: number) => Uint8Array>({ idempotent: true }) });

/** Each row: what the client speaks, and whose bound is passed. */
const ROWS: readonly [string, ClientOptions, number, string][] = [
  ['of the server', {}, 5_000_000, 'RESOURCE_EXHAUSTED'],
  ['that its client names in HELLO', { limits: { messageBytes: 100_000 } }, 200_000, 'RESOURCE_EXHAUSTED'],
  ['of the server, over MessagePack-RPC', { protocol: messagePackRpc() }, 5_000_000, 'OUT_OF_RANGE'],
  [
    'of a client, over MessagePack-RPC',
    { protocol: messagePackRpc(), limits: { messageBytes: 100_000 } },
    200_000,
    'RESOURCE_EXHAUSTED',
  ],
];

describe('a result beyond the bound', () => {
  const servers: Server[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close({ drainMs: 0, graceMs: 0 }))));

  for (const [bound, options, bytes, code] of ROWS) {
    it(`${bound} is not asked for again: its handler runs once, though the method is idempotent`, async () => {
      let runs = 0;
      const ports: string[] = [];
      for (let i = 0; i < 3; i++)
        servers.push(
          createServer({ registry: memory() }).add(Files, {
            read(size) {
              runs++;
              return new Uint8Array(size);
            },
          }),
        );
      for (const server of servers)
        ports.push(`127.0.0.1:${(await server.listen({ host: '127.0.0.1', port: 0 })).port}`);
      await using client = createClient({ registry: direct(ports), ...options });
      await client.ready(Files);
      await assert.rejects(client.service(Files).read(bytes), { code, progress: 'processed' });
      assert.equal(runs, 1);
      // And nothing is held against the node that did its work.
      const { nodes } = client.state().services['files']!;
      assert.deepEqual([...new Set(nodes.map(({ connection }) => connection))], ['ready']);
      assert.equal((await client.service(Files).read(10)).length, 10);
    });
  }
});
