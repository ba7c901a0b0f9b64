import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import type { ByteStream, Listener } from './byte-stream.js';
import { SocketStream } from './socket-stream.js';
import { dialTcp, listenTcp } from './tcp.js';

const LOCAL = { host: '127.0.0.1', port: 0, connectionsMax: 100 };

/** Starts a stream; what it is told can be awaited. */
class Recorder {
  text = '';
  isEnded = false;
  closedWith: { error: Error | undefined } | undefined;
  drainedTimes = 0;
  #wake: (() => void) | undefined;

  constructor(readonly stream: ByteStream) {
    const woken = (change: () => void) => {
      change();
      this.#wake?.();
    };
    stream.start({
      data: (bytes) => woken(() => (this.text += bytes)),
      drained: () => woken(() => this.drainedTimes++),
      ended: () => woken(() => (this.isEnded = true)),
      closed: (error) => woken(() => (this.closedWith = { error })),
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const fail = (): never => assert.fail('nobody connects');

describe('TCP streams', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A listener, a stream dialled to it, and the stream that it accepted. */
  async function connected(target: { path?: string } = {}) {
    let accept!: (stream: ByteStream) => void;
    const accepted = new Promise<ByteStream>((resolve) => (accept = resolve));
    const listener = await listenTcp({ ...LOCAL, ...target }, accept, assert.ifError);
    closers.push(() => listener.close());
    const client = await dialTcp(systemClock, { ...listener.address, timeoutMs: 5_000 });
    const server = await accepted;
    closers.push(
      () => client.destroy(),
      () => server.destroy(),
    );
    return { listener, client, server };
  }

  it('have their system ask the other one when told to, while nothing comes', async () => {
    const [socket, told] = [new Socket(), [] as unknown[][]];
    socket.setKeepAlive = (...args) => {
      told.push(args);
      return socket;
    };
    new SocketStream(socket, { address: 'there' }).probe(10_000);
    assert.deepEqual(told, [[true, 10_000]]);
  });

  it('find out by writing nothing that the other end is gone, which had only ended its side', async () => {
    const { client, server } = await connected();
    const [near, far] = [new Recorder(client), new Recorder(server)];
    near.stream.end();
    await far.until(() => far.isEnded);
    near.stream.destroy();
    // Comes back as a reset, of which nobody is told.
    far.stream.write(Buffer.from('x'));
    while (far.closedWith === undefined) {
      far.stream.poke?.();
      await new Promise(setImmediate);
    }
    assert.ok(far.closedWith.error instanceof Error);
  });

  it('carry bytes both ways and name the other end', async () => {
    const { listener, client, server } = await connected();
    const [a, b] = [new Recorder(client), new Recorder(server)];
    client.write(Buffer.from('ping'));
    await b.until(() => b.text === 'ping');
    server.write(Buffer.from('pong'));
    await a.until(() => a.text === 'pong');
    assert.equal(client.peer.address, `127.0.0.1:${listener.address.port}`);
    assert.match(server.peer.address, /^127\.0\.0\.1:\d+$/);
  });

  it('listen where a process that was killed has left its socket file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpc-unix-'));
    after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'socket');
    const program = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    assert.equal(spawnSync(process.execPath, ['-e', program, path]).signal, 'SIGKILL');
    assert.equal(existsSync(path), true);
    const { listener } = await connected({ path });
    await listener.close();
  });

  it('take no unix socket from a server that lives, and no file that is no socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpc-unix-'));
    after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'socket');
    const { client } = await connected({ path });
    const target = { ...LOCAL, path };
    await assert.rejects(listenTcp(target, fail, fail), { code: 'EADDRINUSE' });
    const seen = new Recorder(client);
    assert.deepEqual([existsSync(path), seen.closedWith], [true, undefined]);
    const file = join(folder, 'file');
    writeFileSync(file, 'precious');
    await assert.rejects(listenTcp({ ...LOCAL, path: file }, fail, fail), { code: 'EADDRINUSE' });
    assert.equal(readFileSync(file, 'utf8'), 'precious');
  });

  it('carry bytes over a unix socket, whose file goes with its listener', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpc-tcp-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'socket');
    const { listener, client, server } = await connected({ path });
    assert.deepEqual(listener.address, { host: '', port: 0, path });
    const b = new Recorder(server);
    new Recorder(client).stream.write(Buffer.from('ping'));
    await b.until(() => b.text === 'ping');
    assert.deepEqual([client.peer.address, server.peer.address], [`unix:${path}`, 'unix']);
    await listener.close();
    assert.equal(existsSync(path), false);
  });

  it('end one direction and go on in the other, then close without an error', async () => {
    const { client, server } = await connected();
    const [a, b] = [new Recorder(client), new Recorder(server)];
    client.end();
    client.end();
    await b.until(() => b.isEnded);
    assert.equal(client.write(Buffer.from('after the end')), true);
    server.write(Buffer.from('still here'));
    server.end();
    await a.until(() => a.closedWith !== undefined);
    await b.until(() => b.closedWith !== undefined);
    assert.deepEqual(
      [a.text, a.closedWith, b.text, b.closedWith],
      ['still here', { error: undefined }, '', { error: undefined }],
    );
  });

  it('say in words why they were lost', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    closers.push(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const dialled = dialTcp(systemClock, { host: '127.0.0.1', port, timeoutMs: 5_000 });
    const [socket] = (await once(server, 'connection')) as [Socket];
    const a = new Recorder(await dialled);
    socket.resetAndDestroy();
    await a.until(() => a.closedWith !== undefined);
    assert.match(a.closedWith!.error!.message, /^connection reset by the other end \(ECONNRESET\)$/);
    assert.equal(a.stream.write(Buffer.from('nobody')), true);
  });

  it('tell of a loss that came before anybody received', async () => {
    const { client, server } = await connected();
    client.destroy();
    const a = new Recorder(client);
    await a.until(() => a.closedWith !== undefined);
    const b = new Recorder(server);
    b.stream.end();
    await b.until(() => b.closedWith !== undefined);
    const late = new Recorder(server);
    await late.until(() => late.closedWith !== undefined);
    assert.equal(late.closedWith!.error, undefined);
  });

  it('keep the memory of what the other end does not read, and tell when it was taken', async () => {
    const { client, server } = await connected();
    const [a, b] = [new Recorder(client), new Recorder(server)];
    server.pause();
    assert.equal(client.write(Buffer.from('small')), true);
    const large = Buffer.alloc(16 * 1024 * 1024, 'x');
    assert.equal(client.write(large), false);
    assert.ok(client.queuedBytes > 0);
    assert.equal(a.drainedTimes, 0);
    server.resume();
    await a.until(() => a.drainedTimes > 0);
    assert.equal(client.queuedBytes, 0);
    await b.until(() => b.text.length === 5 + large.length);
  });
});

describe('dialTcp', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('says that nothing listens', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    await assert.rejects(dialTcp(systemClock, { host: '127.0.0.1', port, timeoutMs: 5_000 }), {
      code: 'ECONNREFUSED',
      message: /connection refused: nothing listens there/,
    });
  });

  it('says that a socket file is not there', async () => {
    const target = { host: '', port: 0, path: join(tmpdir(), 'rpc-no-such-socket'), timeoutMs: 5_000 };
    await assert.rejects(dialTcp(systemClock, target), { code: 'ENOENT', message: /no such socket file/ });
  });

  it('gives up after its time, and leaves no timer when it was quicker', async () => {
    const server = createServer();
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const clock = new FakeClock();
    const dialled = dialTcp(clock, { host: '127.0.0.1', port, timeoutMs: 100 });
    // Before any socket was polled, so that the connection can't be there yet.
    const rejected = assert.rejects(dialled, { code: 'ETIMEDOUT', message: /timed out/ });
    const advanced = clock.advanceFast(100);
    await Promise.all([rejected, advanced]);
    const stream = await dialTcp(clock, { host: '127.0.0.1', port, timeoutMs: 100 });
    assert.equal(clock.pending, 0);
    stream.destroy();
  });
});

describe('listenTcp', () => {
  const listeners: Listener[] = [];
  const open: ByteStream[] = [];
  afterEach(async () => {
    for (const stream of open.splice(0)) stream.destroy();
    for (const listener of listeners.splice(0)) await listener.close();
  });

  it('says that the address is taken', async () => {
    const first = await listenTcp(LOCAL, () => {}, assert.ifError);
    listeners.push(first);
    const { host, port } = first.address;
    await assert.rejects(
      listenTcp({ ...LOCAL, host, port }, () => {}, assert.ifError),
      {
        code: 'EADDRINUSE',
        message: new RegExp(`^listen on ${host}:${port}: the address is taken`),
      },
    );
  });

  it('refuses connections beyond its maximum, says so, and serves those that it has', async () => {
    const errors: Error[] = [];
    const accepted: Recorder[] = [];
    let refused!: () => void;
    const refusal = new Promise<void>((resolve) => (refused = resolve));
    const listener = await listenTcp(
      { ...LOCAL, connectionsMax: 1 },
      (stream) => accepted.push(new Recorder(stream)),
      (error) => {
        errors.push(error);
        refused();
      },
    );
    listeners.push(listener);
    const target = { ...listener.address, timeoutMs: 5_000 };
    const first = await dialTcp(systemClock, target);
    const second = new Recorder(await dialTcp(systemClock, target));
    open.push(first, second.stream);
    await second.until(() => second.isEnded || second.closedWith !== undefined);
    await refusal;
    assert.match(errors[0]!.message, /refused a connection, 1 are open \(limits\.connections\)/);
    first.write(Buffer.from('served'));
    await accepted[0]!.until(() => accepted[0]!.text === 'served');
    assert.equal(accepted.length, 1);
    open.push(accepted[0]!.stream);
  });

  it('stops accepting at once when it is closed; what it has accepted lives on', async () => {
    let accept!: (stream: ByteStream) => void;
    const accepted = new Promise<ByteStream>((resolve) => (accept = resolve));
    const listener = await listenTcp(LOCAL, accept, assert.ifError);
    const target = { ...listener.address, timeoutMs: 5_000 };
    const client = await dialTcp(systemClock, target);
    const server = new Recorder(await accepted);
    open.push(client, server.stream);
    await listener.close();
    await assert.rejects(dialTcp(systemClock, target), { code: 'ECONNREFUSED' });
    client.write(Buffer.from('alive'));
    await server.until(() => server.text === 'alive');
  });
});
