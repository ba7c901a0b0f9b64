import assert from 'node:assert/strict';
import { defineService, duplex, method, notify, stream } from '@org/rpc-core';
import { direct, memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import * as v from 'valibot';
import { z } from 'zod';
import { createServer } from '../face/server.js';
import { Reflection } from './reflection.js';

const Shop = defineService('shop', {
  buy: method({
    args: [z.string(), z.number().int()],
    returns: z.object({ id: z.string() }),
    timeoutMs: 200,
    priority: 200,
  }),
  find: method({
    args: z.tuple([z.string().min(2)]),
    returns: z.string().transform((text) => text.length),
    idempotent: true,
  }),
  old: method({ args: [v.string()] }),
  plain: method<(x: number) => number>({ idempotent: true }),
  watch: stream<() => AsyncIterable<number>>(),
  chat: duplex<(items: AsyncIterable<string>) => AsyncIterable<string>>(),
  tell: notify<(text: string) => void>(),
});
const handlers = { buy: () => ({ id: '' }), find: () => '', old: () => {}, plain: (x: number) => x, tell: () => {} };
const streams = { async *watch() {}, async *chat() {} };

function reflectionOf(options: { reflection?: boolean; registry?: ReturnType<typeof memory> } = {}) {
  const server = createServer({ registry: memory(), ...options }).add(Shop, { ...handlers, ...streams } as never);
  const client = connect(server);
  return { reflection: client.service(Reflection), [Symbol.asyncDispose]: () => client.close() };
}

describe('rpc.reflection', () => {
  it('names the services and describes their methods', async () => {
    await using bench = reflectionOf();
    assert.deepEqual(await bench.reflection.services(), ['shop']);
    const { name, hash, methods } = await bench.reflection.describe('shop');
    assert.equal(name, 'shop');
    assert.match(hash, /^[0-9a-f]{16}$/);
    const byName = Object.fromEntries(methods.map((each) => [each.name, each]));
    assert.deepEqual(
      methods.map(({ name: each, kind, idempotent }) => [each, kind, idempotent]),
      [
        ['buy', 'unary', false],
        ['find', 'unary', true],
        ['old', 'unary', false],
        ['plain', 'unary', true],
        ['watch', 'stream', false],
        ['chat', 'duplex', false],
        ['tell', 'notify', false],
      ],
    );
    const { timeoutMs, priority, args, returns } = byName['buy']!;
    assert.deepEqual([timeoutMs, priority], [200, 200]);
    const [text, count] = (args as { prefixItems: { type: string }[] }).prefixItems;
    assert.deepEqual([text!.type, count!.type], ['string', 'integer']);
    assert.deepEqual((returns as { required: string[] }).required, ['id']);
    assert.equal((byName['find']!.args as { prefixItems: { minLength: number }[] }).prefixItems[0]!.minLength, 2);
    // What has no JSON Schema, and what has no schemas at all, says nothing in its place.
    assert.deepEqual(byName['plain'], { name: 'plain', kind: 'unary', idempotent: true });
    assert.deepEqual([byName['find']!.returns, byName['old']!.args], [undefined, undefined]);
  });

  it('has one hash for one contract', async () => {
    await using one = reflectionOf();
    await using two = reflectionOf();
    const hashOf = async ({ reflection }: typeof one) => (await reflection.describe('shop')).hash;
    assert.equal(await hashOf(one), await hashOf(two));
  });

  it('says that a service is not there', async () => {
    await using bench = reflectionOf();
    await assert.rejects(bench.reflection.describe('shoes'), { code: 'NOT_FOUND' });
  });

  it('is off where others than this machine may come, unless it is asked for', async () => {
    for (const [options, isOn] of [
      [{ registry: direct(['127.0.0.1:1']) }, false],
      [{ reflection: false }, false],
      [{ registry: direct(['127.0.0.1:1']), reflection: true }, true],
    ] as const) {
      await using bench = reflectionOf(options);
      if (isOn) assert.deepEqual(await bench.reflection.services(), ['shop']);
      else await assert.rejects(bench.reflection.services(), { code: 'UNIMPLEMENTED' });
    }
  });
});
