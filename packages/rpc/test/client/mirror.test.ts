import assert from 'node:assert/strict';
import { type ClientEvents, createClient } from '@org/rpc-client';
import { callContext, defineService, type MirrorOptions, method, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';

const Shop = defineService('shop', {
  find: method<(id: string) => { id: string; items: number[] }>({ idempotent: true }),
  buy: method<() => string>(),
});

interface Seen {
  readonly mark: string | undefined;
  readonly id: string;
}

/** A shop of version 1, and one of version 2 that does as it is told; the first gets all calls and the second its mirrors. */
async function setUp(mirror: MirrorOptions, second: (id: string) => Promise<{ id: string; items: number[] }>) {
  const registry = memory();
  const seen: Record<'1' | '2', Seen[]> = { 1: [], 2: [] };
  const note = (version: '1' | '2', id: string): void => {
    seen[version].push({ mark: callContext()!.metadata['rpc-mirror'], id });
  };
  const shops = (['1', '2'] as const).map((version) =>
    createServer({ registry, tags: { version }, weight: version === '1' ? 100 : 0 }).add(Shop, {
      find: async (id) => {
        note(version, id);
        return version === '1' ? { id, items: [1, 2] } : await second(id);
      },
      buy: () => {
        note(version, 'bought');
        return version;
      },
    }),
  );
  for (const shop of shops) await shop.listen();
  const client = createClient({ registry, mirror: { to: { tags: { version: '2' } }, ...mirror } });
  const events: ClientEvents['mirrored'][0][] = [];
  client.on('mirrored', (event) => events.push(event));
  await client.ready(Shop);
  // A node is no mirror before it has said something.
  const { nodes } = client.state().services['shop']!;
  assert.equal(nodes.length, 2);
  await Promise.all((await client.broadcast(Shop, 'buy', [])).map(({ error }) => assert.equal(error, undefined)));
  for (const each of Object.values(seen)) each.length = 0;
  const stub = client.service(Shop);
  /** Waits until so many comparisons were told of. */
  const told = async (count: number): Promise<typeof events> => {
    for (let turn = 0; events.length < count && turn < 10_000; turn++)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(events.length, count);
    return events;
  };
  const close = async (): Promise<void> => {
    await client.close();
    await Promise.all(shops.map((shop) => shop.close()));
  };
  return { stub, seen, events, told, close };
}

describe('a mirror', () => {
  it('gives a copy of each call to the others, marked, and tells where the answers differ', async () => {
    const { stub, seen, told, close } = await setUp({ compare: true }, async (id) => ({
      id,
      items: id === 'b' ? [1, 3] : [1, 2],
    }));
    const answer = await stub.find('a');
    // What a caller does with its answer is not compared.
    answer.items.push(9);
    assert.deepEqual((await stub.find('b')).items, [1, 2]);
    const [first, second] = (await told(2)).sort((x, y) => x.differences.length - y.differences.length);
    assert.deepEqual([first!.isSame, first!.differences], [true, []]);
    assert.deepEqual(
      [second!.isSame, second!.differences, second!.service, second!.method],
      [false, ['items.1'], 'shop', 'find'],
    );
    assert.deepEqual(seen[2].map(({ mark, id }) => [mark, id]).sort(), [
      ['1', 'a'],
      ['1', 'b'],
    ]);
    assert.deepEqual(
      seen[1].map(({ mark }) => mark),
      [undefined, undefined],
    );
    await close();
  });

  it('never touches the caller, whatever becomes of it', async () => {
    const hang = () =>
      new Promise<never>((_, reject) => {
        const { signal } = callContext()!;
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    for (const second of [() => Promise.reject(new RpcError('INTERNAL', 'mine')), hang]) {
      const { stub, seen, close } = await setUp({ compare: true, maxInFlight: 5 }, second);
      for (let i = 0; i < 20; i++) assert.equal((await stub.find(`${i}`)).id, `${i}`);
      assert.equal(seen[1].length, 20);
      // Those without an answer fill what may be under way, and the others are not mirrored.
      if (second === hang) assert.equal(seen[2].length, 5);
      await close();
    }
  });

  it('tells of a failure of one alone', async () => {
    const { stub, told, close } = await setUp({ compare: true }, () =>
      Promise.reject(new RpcError('NOT_FOUND', 'none')),
    );
    await stub.find('a');
    const [event] = await told(1);
    assert.deepEqual([event!.isSame, event!.code, event!.mirrorCode], [false, undefined, 'NOT_FOUND']);
    await close();
  });

  it('is of idempotent methods only, and of its share of the calls', async () => {
    const { stub, seen, close } = await setUp({ percent: 0 }, async (id) => ({ id, items: [] }));
    await stub.find('a');
    await stub.buy();
    assert.equal(seen[2].length, 0);
    await close();
    const all = await setUp({}, async (id) => ({ id, items: [] }));
    assert.equal(await all.stub.buy(), '1');
    assert.equal(all.seen[2].length, 0);
    await all.close();
  });
});
