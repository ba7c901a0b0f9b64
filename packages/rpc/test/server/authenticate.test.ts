import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { inspect } from 'node:util';
import {
  type Client,
  type ClientOptions,
  callContext,
  createClient,
  createServer,
  direct,
  type Identity,
  memory,
  messagePackRpc,
  type Peer,
  RpcError,
  type Server,
  type ServerEvents,
  type ServerOptions,
} from '@org/rpc';
import { FakeClock } from '@org/rpc-testkit';
import { openShop } from '../client/shop.js';
import { Work } from './work.js';

/** A greeting of a client that shows nothing: the vectors hello-client of the protocol, behind the preface. */
const HELLO = Buffer.from(
  'c1525043010000009601000000000' +
    '08aac73747265616d437265646974ce00010000b0636f6e6e656374696f6e437265646974ce00100000ab636f6d7072657373696f6e91a76465666c617465a8696e7374616e6365a0a6657870656374a0a8757074696d654d73cd03e8a776657273696f6e01a5636f646563a76d73677061636bac6d6573736167654279746573ce00400000ad63616c6c73496e466c69676874cd1000',
  'hex',
);

const KEYS: Readonly<Record<string, string>> = { 'key-of-ann': 'ann', 'key-of-bob': 'bob' };

function byKey(_peer: Peer, token: string | undefined): string {
  const identity = token === undefined ? undefined : KEYS[token];
  if (identity === undefined) throw new RpcError('UNAUTHENTICATED', 'no such key');
  return identity;
}

/** Who calls, in the words of the handler. */
const who = (): unknown => callContext()?.peer.identity;

async function serve(options: ServerOptions): Promise<{ server: Server; at: string; ran: () => number }> {
  let calls = 0;
  const run = (): unknown => {
    calls++;
    return who();
  };
  const server = createServer({ registry: memory(), ...options }).add(Work, { run, safe: run, tell: run });
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { server, at: `127.0.0.1:${port}`, ran: () => calls };
}

const reach = (at: string | readonly string[], options: ClientOptions = {}): Client =>
  createClient({ registry: direct([at].flat()), timeoutMs: 3_000, ...options });

describe('a server that authenticates', () => {
  it('knows its callers by what their tokens say, in handlers and in authorize', async () => {
    const seen: unknown[] = [];
    const { server, at } = await serve({
      authenticate: byKey,
      authorize: (call) => void seen.push(call.peer.identity),
    });
    await using _server = server;
    await using ann = reach(at, { token: 'key-of-ann' });
    await using bob = reach(at, { token: async () => 'key-of-bob' });
    assert.equal(await ann.service(Work).run(), 'ann');
    assert.equal(await bob.service(Work).run(), 'bob');
    assert.deepEqual(seen, ['ann', 'bob']);
  });

  it('runs nothing of who shows no token or a wrong one, and says so to each kind of call', async () => {
    const refused: ServerEvents['authenticationFailed'][0][] = [];
    const { server, at, ran } = await serve({ authenticate: byKey });
    await using _server = server;
    server.on('authenticationFailed', (event) => refused.push(event));
    for (const options of [{}, { token: 'key-of-eve' }]) {
      await using eve = reach(at, options);
      const work = eve.service(Work);
      const denied = { code: 'UNAUTHENTICATED', message: /no such key/ };
      await assert.rejects(work.run(), denied);
      await assert.rejects(work.safe(), denied);
      await assert.rejects(work.run(), denied);
    }
    assert.equal(ran(), 0);
    assert.ok(refused.length >= 2);
    assert.ok(refused.every(({ reason, isFault }) => reason === 'no such key' && !isFault));
  });

  it('is not asked again and again: a client that is refused comes back ever more slowly', async () => {
    let asked = 0;
    const authenticate = (): string => {
      asked++;
      throw new RpcError('UNAUTHENTICATED', 'never');
    };
    const { server, at } = await serve({ authenticate });
    await using _server = server;
    await using eve = reach(at, { token: 'x', retry: { max: 5 } });
    const work = eve.service(Work);
    for (let i = 0; i < 300; i++) await assert.rejects(work.safe(), { code: 'UNAUTHENTICATED' });
    assert.ok(asked <= 6, `${asked} connections for 300 calls`);
  });

  it('has its callers avoid the one instance that does not know their key', async () => {
    const right = await serve({ authenticate: byKey });
    const wrong = await serve({
      authenticate: () => {
        throw new RpcError('UNAUTHENTICATED', 'an old list of keys');
      },
    });
    await using _right = right.server;
    await using _wrong = wrong.server;
    await using ann = reach([right.at, wrong.at], { token: 'key-of-ann', retry: false });
    const work = ann.service(Work);
    for (let i = 0; i < 50; i++) assert.equal(await work.run(), 'ann');
    assert.equal(wrong.ran(), 0);
  });

  it('asks MessagePack-RPC for a certificate or nothing, and tells each call why it is refused', async () => {
    const { server, at, ran } = await serve({ authenticate: byKey });
    await using _server = server;
    await using foreigner = reach(at, { protocol: messagePackRpc() });
    const work = foreigner.service(Work);
    const outcomes = await Promise.allSettled([work.run(), work.safe(), work.run()]);
    for (const outcome of outcomes)
      assert.match(String((outcome as PromiseRejectedResult).reason), /UNAUTHENTICATED: no such key/);
    assert.equal(ran(), 0);
  });

  it('lets in MessagePack-RPC whose address it trusts', async () => {
    const authenticate = ({ address }: Peer): string => address.split(':')[0]!;
    const { server, at } = await serve({ authenticate });
    await using _server = server;
    await using foreigner = reach(at, { protocol: messagePackRpc() });
    const work = foreigner.service(Work);
    assert.deepEqual(await Promise.all([work.run(), work.run('a'.repeat(100_000))]), ['127.0.0.1', '127.0.0.1']);
  });

  it('keeps calls that come before the answer until it is known who they are of', async () => {
    let let_in = (_: string): void => {};
    const { server, at, ran } = await serve({ authenticate: () => new Promise((resolve) => (let_in = resolve)) });
    await using _server = server;
    await using ann = reach(at);
    await using foreigner = reach(at, { protocol: messagePackRpc() });
    for (const client of [ann, foreigner]) {
      const work = client.service(Work);
      const calls = Promise.all([work.run('x'.repeat(200_000)), work.run()]);
      while (server.state().connections < (client === ann ? 1 : 2)) await new Promise(setImmediate);
      for (let i = 0; i < 20; i++) await new Promise(setImmediate);
      const before = ran();
      let_in('ann');
      assert.deepEqual(await calls, ['ann', 'ann']);
      assert.equal(ran(), before + 2);
    }
  });

  it('that cannot find out is no refusal: the client learns nothing of the fault, and may go elsewhere', async () => {
    const faults: ServerEvents['authenticationFailed'][0][] = [];
    const broken = await serve({
      authenticate: (_peer, token) => {
        throw new Error(`the store of keys is down, asked for ${token}`);
      },
    });
    await using _broken = broken.server;
    broken.server.on('authenticationFailed', (event) => faults.push(event));
    await using ann = reach(broken.at, { token: 'key-of-ann' });
    await assert.rejects(ann.service(Work).run(), (error: RpcError) => {
      assert.equal(error.code, 'UNAVAILABLE');
      assert.match(error.message, /could not find out who is calling/);
      assert.doesNotMatch(inspect(error, { depth: 9 }), /store of keys|key-of-ann/);
      return true;
    });
    assert.equal(faults[0]?.reason, 'the store of keys is down, asked for [token]');
    assert.equal(faults[0]?.isFault, true);
  });

  /** The server listens, because what looks after its connections begins with that; the client reaches it in memory. */
  async function onFakeClock(options: ServerOptions, token: ClientOptions['token']) {
    const open = openShop({ server: { random: () => 0.5, ...options }, client: { token, timeoutMs: 60_000 } });
    await open.server.listen({ host: '127.0.0.1', port: 0 });
    const close = async (): Promise<void> => {
      await open.client.close();
      await Promise.all([open.server.close({ drainMs: 0, graceMs: 0 }), open.clock.advance(1_000)]);
    };
    return { ...open, [Symbol.asyncDispose]: close };
  }

  it('is asked anew with the token of the day when a connection is old', async () => {
    const shown: unknown[] = [];
    const authenticate = (_peer: Peer, token: string | undefined): string => {
      shown.push(token);
      return 'ann';
    };
    let day = 0;
    const connectionAge = { maxMs: 10_000, graceMs: 5_000 };
    await using open = await onFakeClock({ authenticate, connectionAge }, () => `day-${++day}`);
    for (let i = 0; i < 250; i++) {
      const call = open.shop.echo(i);
      await open.clock.advance(100);
      assert.deepEqual(await call, [i]);
    }
    assert.deepEqual(shown, ['day-1', 'day-2', 'day-3']);
  });

  for (const what of ['authenticate fails', 'the client has no token'] as const) {
    it(`is called over the old connection as long as ${what}, and over another one afterwards`, async () => {
      let isDown = false;
      let asked = 0;
      const fail = (): never => {
        throw new RpcError('UNAVAILABLE', 'not now');
      };
      const authenticate = (): string => {
        asked++;
        return isDown && what === 'authenticate fails' ? fail() : 'ann';
      };
      const token = (): string => (isDown && what === 'the client has no token' ? fail() : 'key');
      const connectionAge = { maxMs: 10_000, graceMs: 120_000 };
      await using open = await onFakeClock({ authenticate, connectionAge }, token);
      const call = async (times: number): Promise<void> => {
        for (let i = 0; i < times; i++) {
          const calling = open.shop.echo(i);
          await open.clock.advance(1_000);
          assert.deepEqual(await calling, [i]);
        }
      };
      await call(5);
      assert.equal(asked, 1);
      isDown = true;
      await call(40);
      assert.equal(open.server.state().connections, 1);
      isDown = false;
      const before = asked;
      await call(20);
      assert.ok(asked > before);
      await call(5);
    });
  }

  it('lets no connection outlive what authenticate says', async () => {
    const clock = new FakeClock(1_000);
    const ends: number[] = [];
    const authenticate = (): Identity => {
      const endsAt = clock.wallNow() + 20_000;
      ends.push(endsAt);
      return { identity: 'ann', endsAt };
    };
    const open = openShop({ clock, server: { authenticate, random: () => 0.5 }, client: { timeoutMs: 60_000 } });
    await open.server.listen({ host: '127.0.0.1', port: 0 });
    for (let i = 0; i < 45; i++) {
      const call = open.shop.echo(i);
      await clock.advance(1_000);
      assert.deepEqual(await call, [i]);
    }
    assert.equal(ends.length, 3);
    await open.client.close();
    await Promise.all([open.server.close({ drainMs: 0, graceMs: 0 }), clock.advance(1_000)]);
  });

  it('gives up when no answer comes in time', async () => {
    const clock = new FakeClock(1_000);
    const signals: AbortSignal[] = [];
    const authenticate: ServerOptions['authenticate'] = (_peer, _token, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    await using open = openShop({ clock, server: { authenticate }, client: { timeoutMs: 60_000, retry: false } });
    const failed = assert.rejects(open.shop.echo(1), {
      code: 'UNAVAILABLE',
      message: /could not find out within 4000 ms who is calling \(limits\.handshakeMs\)/,
    });
    await clock.advance(10_000);
    await failed;
    assert.equal(signals[0]?.aborted, true);
  });

  it('tells a stranger nothing of itself', async () => {
    const { server, at } = await serve({ authenticate: byKey, name: 'orders-7' });
    await using _server = server;
    const socket = connect(Number(at.split(':')[1]), '127.0.0.1');
    socket.write(HELLO);
    let heard = '';
    for await (const bytes of socket) heard += String(bytes);
    assert.match(heard, /no such key/);
    assert.doesNotMatch(heard, /orders-7|work|run/);
  });

  it('never shows a token in what is printed, logged or thrown', async () => {
    const texts: string[] = [];
    const secret = 'very-secret-token';
    const { server, at } = await serve({
      authenticate: (_peer, token) => {
        throw new RpcError('UNAUTHENTICATED', `no caller has ${token}`);
      },
    });
    await using _server = server;
    server.on('authenticationFailed', (event) => texts.push(inspect(event)));
    await using eve = reach(at, { token: secret });
    await eve
      .service(Work)
      .run()
      .catch((error: unknown) => texts.push(inspect(error, { depth: 9, showHidden: true }), String(error)));
    texts.push(
      inspect(eve, { depth: 9, showHidden: true }),
      inspect(eve.state(), { depth: 9 }),
      JSON.stringify(eve.state()),
    );
    texts.push(inspect(server, { depth: 9, showHidden: true }), inspect(server.state(), { depth: 9 }));
    const unfit = (token: never): void =>
      void assert.throws(
        () => createClient({ token }),
        (error) => texts.push(String(error)) > 0,
      );
    unfit(`${secret} with a space` as never);
    unfit([secret] as never);
    assert.match(texts.join('\n'), /no caller has \[token\]/);
    assert.ok(!texts.join('\n').includes(secret));
  });

  it('refuses whom authenticate gives no identity', async () => {
    for (const answer of [undefined, '', null, true, {}, 'a\nb', 'x'.repeat(257)] as never[]) {
      const { server, at, ran } = await serve({ authenticate: () => answer });
      await using _server = server;
      await using eve = reach(at, { token: 'x' });
      await assert.rejects(eve.service(Work).run(), { code: 'UNAUTHENTICATED', message: /authenticate returned/ });
      assert.equal(ran(), 0);
    }
  });

  it('tells a client whose token cannot be had so, without a connection', async () => {
    const { server, at } = await serve({ authenticate: byKey });
    await using _server = server;
    const failing = [() => Promise.reject(new Error('the vault is sealed')), () => 'with a space', () => 7 as never];
    for (const token of failing) {
      await using ann = reach(at, { token });
      const texts = /the vault is sealed|a token is a text of 1 to 6144 visible ASCII characters/;
      await assert.rejects(ann.service(Work).run(), { code: 'UNAUTHENTICATED', message: texts });
    }
    assert.throws(() => createClient({ token: 'x', protocol: messagePackRpc() }), /has no place for one/);
  });
});
