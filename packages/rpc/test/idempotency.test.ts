import assert from 'node:assert/strict';
import {
  callContext,
  createServer,
  defineService,
  type IdempotencyKeysOptions,
  type IdempotencyStore,
  idempotencyKeys,
  idempotentCalls,
  memory,
  memoryIdempotencyStore,
  method,
  RpcError,
  type ServerOptions,
} from '@org/rpc';
import { connect, FakeClock } from '@org/rpc-testkit';

const Orders = defineService('orders', {
  place: method<(item: string, count?: number) => unknown>(),
  list: method<() => unknown>(),
});
const METHODS = ['orders.place'];

/** Two instances with one store. */
function aService(
  place: (item: string) => unknown,
  options: Partial<IdempotencyKeysOptions> = {},
  more: ServerOptions = {},
) {
  let ran = 0;
  const store = options.store ?? memoryIdempotencyStore();
  const [first, second] = [0, 1].map(() =>
    createServer({
      registry: memory(),
      layers: { unary: [idempotencyKeys({ store, methods: METHODS, onError: () => {}, ...options })] },
      ...more,
    }).add(Orders, {
      place: (item) => {
        ran++;
        return place(item);
      },
      list: () => ++ran,
    }),
  );
  for (const server of [first!, second!]) server.on('handlerError', () => {});
  const at = (server = first!, token?: string) => connect(server, { retry: false, token });
  const key = (text: string) => ({ metadata: { 'idempotency-key': text } });
  return { first: first!, second: second!, at, key, ran: () => ran };
}

describe('idempotency keys', () => {
  it('run a call once, whichever instance its repeats come to, and answer all alike', async () => {
    const { first, second, at, key, ran } = aService((item) => ({ id: 7, item, at: new Date(5), none: undefined }));
    await using one = at(first);
    await using two = at(second);
    const answer = await one.service(Orders).with(key('k')).place('tea');
    assert.deepEqual(await two.service(Orders).with(key('k')).place('tea'), answer);
    assert.equal(ran(), 1);
    await two.service(Orders).with(key('other')).place('tea');
    await two.service(Orders).place('tea');
    assert.equal(ran(), 3);
  });

  it('let nobody have the answer to other arguments, nor that of another caller', async () => {
    const authenticate = (_: unknown, token: string | undefined): string | undefined => token;
    const place = (): unknown => callContext()?.peer.identity;
    const { first, at, key, ran } = aService(place, {}, { authenticate });
    await using ann = at(first, 'ann');
    await using bob = at(first, 'bob');
    assert.equal(await ann.service(Orders).with(key('k')).place('tea'), 'ann');
    assert.equal(await bob.service(Orders).with(key('k')).place('tea'), 'bob');
    await assert.rejects(ann.service(Orders).with(key('k')).place('coffee'), {
      code: 'INVALID_ARGUMENT',
      progress: 'refused',
    });
    assert.equal(ran(), 2);
  });

  it('ask who comes while the call runs to come again', async () => {
    let finish!: (value: unknown) => void;
    const { first, second, at, key, ran } = aService(() => new Promise((resolve) => (finish = resolve)));
    await using one = at(first);
    await using two = at(second);
    const running = one.service(Orders).with(key('k')).place('tea');
    while (ran() === 0) await new Promise(setImmediate);
    const early = { code: 'UNAVAILABLE', progress: 'refused', retryAfterMs: 100 };
    await assert.rejects(two.service(Orders).with(key('k')).place('tea'), early);
    finish('done');
    assert.equal(await running, 'done');
    assert.equal(await two.service(Orders).with(key('k')).place('tea'), 'done');
    assert.equal(ran(), 1);
  });

  for (const [code, runs] of [
    ['FAILED_PRECONDITION', 1],
    ['NOT_FOUND', 1],
    ['ABORTED', 2],
    ['INTERNAL', 2],
    [undefined, 2],
  ] as const) {
    it(`${runs === 1 ? 'keep' : 'are free again after'} ${code ?? 'an unexpected error'}`, async () => {
      const { first, at, key, ran } = aService(() => {
        throw code === undefined ? new Error('a bug') : new RpcError(code, 'no', { details: [1] });
      });
      await using one = at(first);
      const outcomes: unknown[][] = [];
      for (let i = 0; i < 2; i++)
        await one
          .service(Orders)
          .with(key('k'))
          .place('tea')
          .catch((error: RpcError) => outcomes.push([error.code, error.details]));
      assert.equal(ran(), runs);
      assert.deepEqual(outcomes[0], [code ?? 'INTERNAL', code === undefined ? undefined : [1]]);
      if (code !== undefined) assert.deepEqual(outcomes[1], outcomes[0]);
    });
  }

  it('run nothing where the store cannot be reached, and answer where it fails afterwards', async () => {
    const down = async (): Promise<never> => {
      throw new Error('connection refused');
    };
    const none: IdempotencyStore = { begin: down, finish: down, release: down };
    const broken = aService(() => 'done', { store: none });
    await using one = broken.at();
    await assert.rejects(one.service(Orders).with(broken.key('k')).place('tea'), {
      code: 'UNAVAILABLE',
      progress: 'refused',
    });
    assert.equal(broken.ran(), 0);
    const late = aService(() => 'done', { store: { ...none, begin: async () => undefined } });
    await using two = late.at();
    assert.equal(await two.service(Orders).with(late.key('k')).place('tea'), 'done');
  });

  it('may be demanded, are bounded, and concern the methods that were named', async () => {
    const { first, at, key, ran } = aService(() => 'done', { required: true });
    await using one = at(first);
    const orders = one.service(Orders);
    for (const call of [orders.place('tea'), orders.with(key('x'.repeat(257))).place('tea')])
      await assert.rejects(call, { code: 'INVALID_ARGUMENT', message: /idempotency-key/ });
    assert.equal(ran(), 0);
    await orders.list();
    await orders.with(key('k')).list();
    await orders.with(key('k')).list();
    assert.equal(ran(), 3);
  });

  it('do without a result that is too large, and never run the call again', async () => {
    const { first, at, key, ran } = aService(() => 'x'.repeat(2_000_000));
    await using one = at(first);
    const orders = one.service(Orders).with(key('k'));
    assert.equal(String(await orders.place('tea')).length, 2_000_000);
    await assert.rejects(orders.place('tea'), { code: 'FAILED_PRECONDITION', message: /too large to be kept/ });
    assert.equal(ran(), 1);
  });

  it('are given by a client, one for all attempts of a call, so that it may be repeated', async () => {
    const keys: unknown[] = [];
    const server = createServer({ registry: memory() }).add(Orders, {
      place: () => {
        keys.push(callContext()?.metadata['idempotency-key']);
        if (keys.length === 1) throw new RpcError('UNAVAILABLE', 'try again');
        return 'done';
      },
      list: () => 0,
    });
    await using client = connect(server, { layers: { unary: [idempotentCalls({ methods: METHODS })] } });
    assert.equal(await client.service(Orders).place('tea'), 'done');
    await client.service(Orders).place('tea');
    await client
      .service(Orders)
      .with({ metadata: { 'idempotency-key': 'mine' } })
      .place('tea');
    assert.deepEqual([keys[0] === keys[1], keys[1] === keys[2], keys[3]], [true, false, 'mine']);
  });

  it('refuse options that make no sense', () => {
    const store = memoryIdempotencyStore();
    assert.throws(
      () => idempotencyKeys({ store, methods: ['place'] }),
      /idempotencyKeys: methods must be a list of names/,
    );
    assert.throws(() => idempotencyKeys({ methods: METHODS } as never), /store must be an IdempotencyStore/);
    assert.throws(() => idempotentCalls({ methods: [] }), /idempotentCalls: methods must be a list of names/);
  });
});

describe('the store of idempotency keys in memory', () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  it('gives a key to the first, until its time is over or it is released', async () => {
    const clock = new FakeClock(0);
    const store = memoryIdempotencyStore(10, clock);
    assert.equal(await store.begin('k', bytes('a'), 100), undefined);
    assert.deepEqual(await store.begin('k', bytes('b'), 100), bytes('a'));
    await store.release('k', bytes('b'));
    await store.finish('k', bytes('b'), bytes('of another'), 100);
    assert.deepEqual(await store.begin('k', bytes('b'), 100), bytes('a'));
    await clock.advance(100);
    assert.equal(await store.begin('k', bytes('b'), 100), undefined);
    await store.finish('k', bytes('b'), bytes('done'), 1_000);
    await clock.advance(999);
    assert.deepEqual(await store.begin('k', bytes('c'), 100), bytes('done'));
    await clock.advance(1);
    assert.equal(await store.begin('k', bytes('c'), 100), undefined);
    await store.release('k', bytes('c'));
    assert.equal(await store.begin('k', bytes('d'), 100), undefined);
  });

  it('forgets nothing for new keys: it refuses them, until the time of others is over', async () => {
    const clock = new FakeClock(0);
    const store = memoryIdempotencyStore(2, clock);
    for (const key of ['a', 'b']) await store.begin(key, bytes(key), 100);
    await assert.rejects(store.begin('c', bytes('c'), 100), { code: 'RESOURCE_EXHAUSTED' });
    await clock.advance(100);
    assert.equal(await store.begin('c', bytes('c'), 100), undefined);
  });
});
