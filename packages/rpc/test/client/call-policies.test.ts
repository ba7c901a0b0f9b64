import assert from 'node:assert/strict';
import { type ClientOptions, createClient } from '@org/rpc-client';
import { type CallOptions, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { openShop, Shop } from './shop.js';
import { Greeter, World } from './world.js';

/** A shop whose `add` says that it is down, and how many attempts a call with these options makes there. */
async function attempts(client: ClientOptions, options: CallOptions): Promise<{ made: number; outcome: unknown }> {
  let made = 0;
  await using open = openShop({
    client,
    handlers: {
      add: () => {
        made++;
        throw new RpcError('UNAVAILABLE', 'closed today');
      },
    },
  });
  let outcome: unknown;
  open.shop
    .with(options)
    .add(1)
    .then(
      (value) => (outcome = value),
      (error: RpcError) => (outcome = error.code),
    );
  while (outcome === undefined) await open.clock.advance(10);
  return { made, outcome };
}

/** Two servers that do not answer `hold` before they are told to. */
async function slowTown(options: ClientOptions): Promise<World & { readonly hedged: number[] }> {
  const world = new World(options);
  const hedged: number[] = [];
  world.client.on('hedged', ({ delayMs }) => hedged.push(delayMs));
  const both = [world.start('a', 1), world.start('b', 2)];
  world.client.service(Greeter);
  await world.list(...both);
  await world.answering();
  return Object.assign(world, { hedged });
}

describe('a call with policies of its own', () => {
  it('is retried as it says, before what holds for its method', async () => {
    assert.equal((await attempts({}, {})).made, 3);
    assert.equal((await attempts({}, { retry: false })).made, 1);
    assert.equal((await attempts({ retry: false }, { retry: { max: 1 } })).made, 2);
    assert.equal((await attempts({ retry: { max: 1 } }, { retry: {} })).made, 2);
  });

  it('is hedged as it says', async () => {
    const town = await slowTown({});
    const hold = (options: CallOptions) => {
      town.client
        .service(Greeter)
        .with({ idempotent: true, ...options })
        .hold()
        .catch(() => {});
      return town.clock.advance(30);
    };
    await hold({});
    assert.deepEqual(town.hedged, []);
    await hold({ hedge: { delayMs: 20 } });
    assert.deepEqual(town.hedged, [20]);
    await town.client.close();
    const other = await slowTown({ hedge: { delayMs: 20 } });
    other.client
      .service(Greeter)
      .with({ idempotent: true, hedge: false })
      .hold()
      .catch(() => {});
    await other.clock.advance(30);
    assert.deepEqual(other.hedged, []);
    await other.client.close();
  });

  it('keeps what it does not say of a policy from behind it, rules included', async () => {
    const town = await slowTown({ name: 'me' });
    town.registry.publishRules('greeter', { schemaVersion: 1, version: 1, hedge: { mode: 'on', delayMs: 5 } });
    await town.clock.advance(200);
    const greeter = town.client.service(Greeter).with({ idempotent: true });
    greeter
      .with({ hedge: { max: 1 } })
      .hold()
      .catch(() => {});
    greeter
      .with({ hedge: { delayMs: 25 } })
      .hold()
      .catch(() => {});
    await town.clock.advance(30);
    assert.deepEqual(town.hedged, [5, 25]);
    await town.client.close();
  });

  it('is answered by its own fallback, or by none', async () => {
    const fast = { retry: false } as const;
    assert.deepEqual((await attempts({}, { ...fast, fallback: { value: 7 } })).outcome, 7);
    assert.deepEqual((await attempts({}, { ...fast, fallback: (_, { args }) => args.length })).outcome, 1);
    assert.equal((await attempts({ fallback: { value: 7 } }, { ...fast, fallback: false })).outcome, 'UNAVAILABLE');
  });

  it('stays out of faults', async () => {
    await using open = openShop({ client: { fault: { errorPercent: 100 } } });
    await assert.rejects(open.shop.add(1), /on purpose/);
    assert.equal(await open.shop.with({ fault: false }).add(1), 111);
  });

  it('that is one-way is kept, or is not, as it says', async () => {
    const tellNobody = async (client: ClientOptions, options: CallOptions): Promise<string> => {
      const lonely = createClient({ registry: memory(), ...client });
      const lost: string[] = [];
      lonely.on('dropped', ({ count, reason }) => lost.push(`${count} ${reason}`));
      const told = lonely.service(Shop).with(options).tell('a');
      const code = await told.then(
        () => 'kept',
        (error: RpcError) => error.code,
      );
      await lonely.close();
      return [code, ...lost].join(', ');
    };
    assert.equal(await tellNobody({}, {}), 'UNAVAILABLE');
    assert.equal(await tellNobody({}, { retryLater: true }), 'kept, 1 closed');
    assert.equal(await tellNobody({ retryLater: true }, { retryLater: false }), 'UNAVAILABLE');
  });

  it('is refused with the name of the option, its bound, and a reason where it can only be false', async () => {
    await using open = openShop();
    const wrong = (options: object) => () => open.shop.with(options as CallOptions);
    assert.throws(wrong({ hedge: { max: 9 } }), /^TypeError: call options: hedge: max must be an integer from 0 to 5/);
    assert.throws(wrong({ retry: { maxx: 1 } }), /call options: retry: unknown option "maxx"; did you mean "max"/);
    assert.throws(wrong({ throttle: {} }), /call options: throttle must be false, since .* counted for the method/);
    assert.throws(wrong({ mirror: { percent: 5 } }), /call options: mirror must be false/);
    assert.throws(wrong({ rateLimit: { perSecond: 5 } }), /call options: unknown option "rateLimit"/);
  });
});
