import assert from 'node:assert/strict';
import type { ClientOptions } from '@org/rpc-client';
import { isRpcError, RpcError } from '@org/rpc-core';
import { type OpenShop, openShop, type ShopHandlers } from './shop.js';

const refuse = (): never => {
  throw new RpcError('NOT_FOUND', 'no such order', { details: { id: 7 } });
};

interface Case {
  readonly what: string;
  readonly message: RegExp;
  readonly call: (open: OpenShop) => unknown;
  readonly handlers?: ShopHandlers;
  readonly client?: ClientOptions;
}

const CASES: readonly Case[] = [
  {
    what: 'of a handler',
    message: /^NOT_FOUND: no such order \(shop\.run at memory:1\)$/,
    handlers: { run: refuse },
    call: ({ shop }) => shop.run('a'),
  },
  {
    what: 'of a handler that has failed',
    message: /^INTERNAL: .*\(shop\.run at memory:1 \[\w+\]\)$/,
    handlers: {
      run: () => {
        throw new Error('secret');
      },
    },
    call: ({ shop }) => shop.run('a'),
  },
  {
    what: 'of a stream',
    message: /^NOT_FOUND: no such order \(shop\.orders at memory:1\)$/,
    handlers: {
      // biome-ignore lint/correctness/useYield: it fails before its first item.
      async *orders() {
        refuse();
      },
    },
    call: async ({ shop }) => {
      for await (const _ of shop.orders(1));
    },
  },
  {
    what: 'of a user’s layer',
    message: /^PERMISSION_DENIED: not today \(shop\.run\)$/,
    client: {
      layers: {
        unary: [
          () => async () => {
            throw new RpcError('PERMISSION_DENIED', 'not today');
          },
        ],
      },
    },
    call: ({ shop }) => shop.run('a'),
  },
  {
    what: 'of a metadata function',
    message: /^UNAUTHENTICATED: .*no token.* \(shop\.run\)$/,
    client: {
      metadata: async () => {
        throw new Error('no token');
      },
    },
    call: ({ shop }) => shop.run('a'),
  },
  {
    what: 'of arguments that cannot be encoded',
    message: /^INVALID_ARGUMENT: .*shop\.echo/,
    call: ({ shop }) => shop.echo(() => {}),
  },
  {
    what: 'of a rate limit',
    message: /^RESOURCE_EXHAUSTED: .*shop\.run/,
    client: { rateLimit: { perSecond: 1, burst: 1, wait: false } },
    call: async ({ shop }) => {
      await shop.run('a');
      await shop.run('b');
    },
  },
  {
    what: 'of a signal that is aborted',
    message: /^CANCELLED: shop\.run was cancelled by the caller$/,
    call: ({ shop }) => shop.with({ signal: AbortSignal.abort() }).run('a'),
  },
  {
    what: 'of a client that is closed',
    message: /^UNAVAILABLE: the client is closed.* \(shop\.run\)$/,
    call: async ({ client, shop }) => {
      await client.close();
      await shop.run('a');
    },
  },
  {
    what: 'of a stream of a client that is closed',
    message: /^UNAVAILABLE: the client is closed.* \(shop\.orders\)$/,
    call: async ({ client, shop }) => {
      await client.close();
      for await (const _ of shop.orders(1));
    },
  },
];

describe('an error names its call, and its stack the caller', () => {
  for (const { what, message, call, handlers, client } of CASES) {
    it(what, async () => {
      await using open = openShop({ handlers, client });
      const error = await theCaller(open, call);
      assert.ok(isRpcError(error));
      assert.match(error.message, message);
      assert.match(error.stack ?? '', new RegExp(`^RpcError: ${escaped(error.message)}\n`), 'the stack begins with it');
      assert.match(error.stack ?? '', /at (async )?theCaller /);
      assert.equal(Object.keys(error).includes('message') || Object.keys(error).includes('stack'), false);
    });
  }

  it('a handler’s own words stay the reason, with its details', async () => {
    await using open = openShop({ handlers: { run: refuse } });
    const error = (await theCaller(open, ({ shop }) => shop.run('a'))) as RpcError;
    assert.deepEqual([error.reason, error.details], ['no such order', { id: 7 }]);
  });

  it('also through layers of the user, and of a call that has waited for the registry', async () => {
    await using open = openShop({
      handlers: { run: refuse },
      client: { layers: { unary: [(next) => (call) => next(call), (next) => async (call) => await next(call)] } },
    });
    const error = (await theCaller(open, ({ shop }) => shop.run('a'))) as RpcError;
    assert.equal(error.message, 'NOT_FOUND: no such order (shop.run at memory:1)');
    assert.match(error.stack ?? '', /at async theCaller /);
  });

  it('also of the last of several attempts', async () => {
    const handlers = {
      add: () => {
        throw new RpcError('UNAVAILABLE', 'not now');
      },
    };
    await using open = openShop({ handlers, client: { retry: { max: 2 } } });
    const failed = theCaller(open, ({ shop }) => shop.add(1));
    await open.clock.advance(20_000);
    const error = (await failed) as RpcError;
    assert.equal(error.attempts.length, 3);
    assert.match(error.message, /shop\.add.*memory:1/);
    assert.match(error.stack ?? '', /at async theCaller /);
  });
});

async function theCaller(open: OpenShop, call: Case['call']): Promise<unknown> {
  try {
    await call(open);
    return undefined;
  } catch (error) {
    return error;
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
