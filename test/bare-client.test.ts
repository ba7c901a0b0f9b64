import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer as createSocketServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createServer, defineService, memory, method, RpcError, stream } from '@org/rpc';

const FOLDER = new URL('../examples/bare-client/', import.meta.url);

const Bare = defineService('bare', {
  add: method<(a: number, b: number) => number>(),
  echo: method<(value: unknown) => unknown>(),
  fail: method<(name: string) => void>(),
  chunks: stream<(count: number, bytes: number) => AsyncIterable<Uint8Array>>(),
  endless: stream<() => AsyncIterable<number>>(),
});

/** What the client of the example has, as far as the tests use it. */
interface BareClient {
  call(service: string, method: string, ...args: unknown[]): Promise<unknown>;
  stream(service: string, method: string, ...args: unknown[]): AsyncIterable<unknown>;
  close(): void;
}

describe('the bare client', () => {
  let endlessEnded = false;
  const server = createServer({ registry: memory() });
  server.add(Bare, {
    add: (a, b) => a + b,
    echo: (value) => value,
    fail(name) {
      throw new RpcError('NOT_FOUND', `there is no ${name}`, { details: { name } });
    },
    async *chunks(count, bytes) {
      for (let i = 0; i < count; i++) yield Buffer.alloc(bytes);
    },
    async *endless() {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        endlessEnded = true;
      }
    },
  });
  let port = 0;
  before(async () => {
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });
  after(() => server.close({ drainMs: 0 }));

  it('imports nothing but sockets and its own files', () => {
    for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.mjs'))) {
      const imports = [...readFileSync(new URL(name, FOLDER), 'utf8').matchAll(/\bfrom '([^']+)'/g)];
      for (const [, from = ''] of imports) assert.match(from, /^(node:net|\.\/[a-z]+\.mjs)$/, name);
    }
  });

  it('calls a server, reads its errors and streams, pings, and leaves', async () => {
    const { code, output } = await run(fileURLToPath(new URL('main.mjs', FOLDER)), String(port));
    assert.deepEqual(output.split('\n'), [
      'greeted by protocol version 1',
      `two calls at once: 5 {"list":[1.5,-7,null,true,"${'\u00e9'.repeat(40)}"]}`,
      'a failing call: 5: there is no Bob true {"name":"Bob"}',
      'no such method: 12 false',
      'a stream: 100 items 4000000 bytes',
      'left an endless stream',
      'pinged',
      '',
    ]);
    assert.equal(code, 0);
    assert.ok(endlessEnded);
  });

  it('puts together what a server sends in pieces, and reads on after it has left streams in the middle', async () => {
    const client = await connect(port);
    const large = Buffer.alloc(1_000_000, 7);
    const [echoed, sum] = await Promise.all([client.call('bare', 'echo', large), client.call('bare', 'add', 2, 3)]);
    assert.deepEqual([Buffer.compare(echoed as Buffer, large), sum], [0, 5]);
    for (let i = 0; i < 5; i++)
      for await (const item of client.stream('bare', 'chunks', 5, 300_000)) {
        assert.equal((item as Uint8Array).length, 300_000);
        break;
      }
    let items = 0;
    for await (const item of client.stream('bare', 'chunks', 5, 300_000)) items += (item as Uint8Array).length;
    assert.equal(items, 1_500_000);
    client.close();
  });

  it('puts together a result that comes in pieces, with another answer between them', async () => {
    const first = frame(3, 0x08, 1, `00000401 da03fe ${'61'.repeat(1_021)}`);
    const rest = frame(12, 0, 1, '61');
    const client = await clientOf([first, frame(3, 0, 2, '07'), rest]);
    assert.deepEqual(await Promise.all([client.call('a', 'b'), client.call('a', 'c')]), ['a'.repeat(1_022), 7]);
    client.close();
  });
});

/** A client whose server sends these frames once two requests have come. */
async function clientOf(frames: readonly Buffer[]): Promise<BareClient> {
  const listener = createSocketServer((socket: Socket) => {
    let requests = 0;
    let unread = Buffer.alloc(0);
    let isGreeted = false;
    socket.on('data', (bytes: Buffer) => {
      unread = Buffer.concat([unread, bytes]);
      if (!isGreeted && unread.length > 5) {
        isGreeted = true;
        unread = unread.subarray(5);
        // A HELLO that has nothing but messageBytes is enough for this client.
        socket.write(frame(1, 0, 0, '81ac6d6573736167654279746573ce00400000'));
      }
      while (unread.length >= 10 && unread.length >= 10 + unread.readUInt32BE(0)) {
        if (unread[4] === 2 && ++requests === 2) for (const part of frames) socket.write(part);
        unread = unread.subarray(10 + unread.readUInt32BE(0));
      }
    });
    socket.on('end', () => {
      socket.end();
      listener.close();
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return connect((listener.address() as AddressInfo).port);
}

async function connect(port: number): Promise<BareClient> {
  const client = (await import(new URL('client.mjs', FOLDER).href)) as { connect: typeof connect };
  return client.connect(port);
}

function frame(type: number, flags: number, id: number, hex: string): Buffer {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const header = Buffer.alloc(10);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(flags, 5);
  header.writeUInt32BE(id, 6);
  return Buffer.concat([header, body]);
}

async function run(file: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child: ChildProcess = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const part of [child.stdout, child.stderr])
    part?.on('data', (bytes: Buffer) => {
      output += bytes;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
