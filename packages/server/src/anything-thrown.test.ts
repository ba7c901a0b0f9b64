import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { defineService, method, notify, RpcError, stream } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { createServer } from './face/server.js';

const fail = (): never => {
  throw new Error('do not look at me');
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** What a handler may throw or give, and nobody may look at in good faith. */
const THINGS: Readonly<Record<string, () => unknown>> = {
  'a revoked proxy': revoked,
  'a proxy that throws at every look': () => new Proxy({}, new Proxy({}, { get: () => fail })),
  'an object whose inspect throws': () => ({ [inspect.custom]: fail }),
  'an error whose stack throws': () => Object.defineProperty(new Error('x'), 'stack', { get: fail }),
  'an error whose stack is no text': () => Object.defineProperty(new Error('x'), 'stack', { value: 7 }),
  'an error whose cause throws': () => Object.defineProperty(new Error('x'), 'cause', { get: fail }),
  'what looks like an RpcError and is none': () => ({ [Symbol.for('@org/rpc.RpcError')]: true }),
  'an RpcError whose reason throws': () =>
    Object.defineProperty(new RpcError('NOT_FOUND', 'x'), 'reason', { get: fail }),
  'an object whose then throws': () => Object.defineProperty({}, 'then', { get: fail }),
  'a symbol': () => Symbol('thrown'),
  nothing: () => undefined,
};

const Things = defineService('things', {
  throws: method<(what: string) => unknown>(),
  rejects: method<(what: string) => unknown>(),
  gives: method<(what: string) => unknown>(),
  settlesTwice: method<() => unknown>(),
  tell: notify<(what: string) => void>(),
  items: stream<(what: string) => AsyncIterable<unknown>>(),
  echo: method<(value: unknown) => unknown>(),
});

const throwIt = (what: string): never => {
  throw THINGS[what]!();
};

describe('a handler', () => {
  for (const isWatched of [true, false])
    for (const what of Object.keys(THINGS))
      it(`may throw ${what}${isWatched ? '' : ', with nobody watching'}: it fails that call alone`, async () => {
        const server = createServer({ registry: memory(), concurrency: { max: 3 } }).add(Things, {
          throws: throwIt,
          rejects: async (what) => throwIt(what),
          gives: (what) => THINGS[what]!(),
          settlesTwice: () => undefined,
          tell: throwIt,
          async *items(what) {
            throwIt(what);
            yield 1;
          },
          echo: (value) => value,
        });
        if (isWatched) server.on('handlerError', () => {});
        const closed: string[] = [];
        server.on('connectionClosed', ({ reason }) => closed.push(reason));
        const write = process.stderr.write;
        process.stderr.write = () => true;
        await using client = connect(server);
        try {
          const things = client.service(Things);
          const failed = { name: 'RpcError' };
          await assert.rejects(async () => things.throws(what), failed);
          await assert.rejects(async () => things.rejects(what), failed);
          // What is given and cannot be sent fails the call; nothing, and what is plain data, arrives.
          await things.gives(what).then(
            () => {},
            (error: unknown) => assert.ok(error instanceof RpcError),
          );
          await things.tell(what);
          await assert.rejects(async () => {
            for await (const _ of things.items(what));
          }, failed);
          assert.equal(await things.echo('alive'), 'alive');
          assert.deepEqual([server.running, closed], [0, []]);
        } finally {
          process.stderr.write = write;
        }
      });

  it('may give a promise of another make that settles twice, or throws: it ends its call once', async () => {
    const twice = {
      then: (resolve: (value: unknown) => void) => {
        resolve('first');
        resolve('second');
        throw new Error('third');
      },
    };
    const server = createServer({ registry: memory() }).add(Things, {
      throws: throwIt,
      rejects: throwIt,
      gives: () => undefined,
      settlesTwice: () => twice,
      tell: () => {},
      async *items() {},
      echo: (value) => value,
    });
    await using client = connect(server);
    assert.equal(await client.service(Things).settlesTwice(), 'first');
    assert.equal(await client.service(Things).echo('alive'), 'alive');
    assert.equal(server.running, 0);
  });
});
