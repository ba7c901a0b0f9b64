import assert from 'node:assert/strict';
import { type ClientEvents, type ClientOptions, configure } from '@org/rpc-client';
import { isRpcError, type RpcError } from '@org/rpc-core';
import { Greeter, World } from './world.js';

const SWAP_MS = 200;

/** A world with one server, a client that is called `me`, and all that it says of rules. */
async function setUp(options: ClientOptions = {}): Promise<World & { readonly said: string[] }> {
  const world = new World({ name: 'me', ...options });
  const said: string[] = [];
  world.client.on('rulesApplied', ({ version, instance }) => said.push(`applied ${version} ${instance}`));
  world.client.on('rulesRejected', ({ version, inForce }) => said.push(`rejected ${version}, ${inForce} stays`));
  await world.list(world.start('a', 1));
  world.client.service(Greeter);
  await world.settle();
  return Object.assign(world, { said });
}

let versions = 0;

/** Publishes a document, and lets it come into force. */
async function rule(world: World, rules: object): Promise<number> {
  world.registry.publishRules('greeter', { schemaVersion: 1, version: ++versions, ...rules });
  await world.clock.advance(SWAP_MS);
  return versions;
}

/** The code of a call of a method that answers when it is released, and how long it took. */
async function hold(world: World, options: { timeoutMs?: number } = {}): Promise<string> {
  const from = world.clock.now();
  let outcome: string | undefined;
  world.client
    .service(Greeter)
    .with(options)
    .hold()
    .then(
      () => 'answered',
      (error: RpcError) => error.code,
    )
    .then((code) => {
      outcome = `${code} after ${world.clock.now() - from} ms`;
    });
  while (outcome === undefined && world.clock.now() < from + 5_000) await world.clock.advance(10);
  return outcome ?? 'nothing';
}

const everybody = { mode: 'on', percent: 100 } as const;

describe('rules for the timeout', () => {
  const late = (ms: number): string => `DEADLINE_EXCEEDED after ${ms} ms`;

  it('are in force behind the option acceptEndpoint, too', async () => {
    const world = await setUp({ acceptEndpoint: () => true });
    await rule(world, { timeout: { ...everybody, timeoutMs: 300 } });
    assert.equal(await hold(world), late(300));
    await world.client.close();
  });

  it('go before what client, service and method were given', async () => {
    const world = await setUp({
      timeoutMs: 900,
      services: [configure(Greeter, { timeoutMs: 800, methods: { hold: { timeoutMs: 700 } } })],
    });
    assert.equal(await hold(world), late(700));
    await rule(world, { timeout: { ...everybody, timeoutMs: 300 } });
    assert.equal(await hold(world), late(300));
    await rule(world, { timeout: { ...everybody, timeoutMs: 300, methods: { hold: { timeoutMs: 100 } } } });
    assert.equal(await hold(world), late(100));
    await world.client.close();
  });

  it('do not go before what the call was given', async () => {
    const world = await setUp();
    await rule(world, { timeout: { ...everybody, timeoutMs: 300 } });
    assert.equal(await hold(world, { timeoutMs: 500 }), late(500));
    await world.client.close();
  });

  it('end when the document is deleted', async () => {
    const world = await setUp({ services: [configure(Greeter, { methods: { hold: { timeoutMs: 700 } } })] });
    const version = await rule(world, { timeout: { ...everybody, timeoutMs: 300 } });
    world.registry.publishRules('greeter', undefined);
    await world.clock.advance(SWAP_MS);
    assert.equal(await hold(world), late(700));
    assert.deepEqual(world.said, [`applied ${version} me`, 'applied undefined me']);
    assert.equal(world.client.state().services['greeter']?.rules, undefined);
    await world.client.close();
  });

  it('stay when the registry is lost', async () => {
    const world = await setUp();
    await rule(world, { timeout: { ...everybody, timeoutMs: 300 } });
    world.registry.loseSource();
    await world.clock.advance(60_000);
    assert.equal(await hold(world), late(300));
    await world.client.close();
  });

  it('hold from the first call on when they were there before the client', async () => {
    const world = new World();
    world.registry.publishRules('greeter', { schemaVersion: 1, version: 1, timeout: { ...everybody, timeoutMs: 300 } });
    await world.list(world.start('a', 1));
    world.client.service(Greeter);
    await world.settle();
    assert.equal(await hold(world), late(300));
    await world.client.close();
  });

  it('for an attempt end it, and the call goes on elsewhere', async () => {
    const world = await setUp({ name: 'me' });
    const silent = world.start('a', 1);
    world.freeze(silent);
    await world.list(silent, world.start('b', 2));
    await rule(world, { timeout: { ...everybody, attemptTimeoutMs: 50 } });
    const call = world.client.service(Greeter).with({ idempotent: true }).hello();
    await world.clock.advance(500);
    assert.equal(await call, 'b');
    await world.client.close();
  });
});

describe('rules for retries', () => {
  /** The attempts of a call that fails everywhere, as the server refuses to go on with it. */
  async function attempts(world: World): Promise<number> {
    const call = world.client
      .service(Greeter)
      .with({ idempotent: true, timeoutMs: 4_000, attemptTimeoutMs: 50 })
      .hold();
    const failed = call.then(
      () => 0,
      (error: RpcError) => error.attempts.length,
    );
    await world.clock.advance(4_500);
    return failed;
  }

  it('replace their number, up and down', async () => {
    const world = await setUp();
    assert.equal(await attempts(world), 3);
    await rule(world, { retry: { ...everybody, max: 0 } });
    assert.equal(await attempts(world), 1);
    await rule(world, { retry: { ...everybody, max: 0, methods: { hold: { max: 1 } } } });
    assert.equal(await attempts(world), 2);
    await world.client.close();
  });

  it('let a client retry that was told not to', async () => {
    const world = await setUp({ retry: false });
    assert.equal(await attempts(world), 1);
    await rule(world, { retry: { ...everybody, max: 1 } });
    assert.equal(await attempts(world), 2);
    await world.client.close();
  });
});

describe('rules for weights', () => {
  const weights = (weights: Record<string, number>): object => ({ weight: { ...everybody, endpoints: weights } });

  async function three(): Promise<Awaited<ReturnType<typeof setUp>>> {
    const world = await setUp();
    await world.list(world.start('a', 1), world.start('b', 2), world.start('c', 3));
    return world;
  }

  it('take the load from an instance, named by its id or its address, of which the id counts more', async () => {
    const world = await setUp();
    await world.list(world.start('a', 1), world.start('b', 2), world.start('c', 3), world.start('d', 4));
    const weigh = async (endpoints: Record<string, number>): Promise<string[]> => {
      await rule(world, weights(endpoints));
      // What is remembered of their latencies would have the last word among so few.
      await world.clock.advance(600_000);
      return world.answering(100);
    };
    assert.deepEqual(await weigh({}), ['a', 'b', 'c', 'd']);
    assert.deepEqual(await weigh({ a: 0 }), ['b', 'c', 'd']);
    assert.deepEqual(await weigh({ 'h:2': 0 }), ['a', 'c', 'd']);
    assert.deepEqual(await weigh({ 'h:2': 0, b: 100 }), ['a', 'b', 'c', 'd']);
    await world.client.close();
  });

  it('hold for instances that come later, and when the registry says another weight', async () => {
    const world = await three();
    await rule(world, weights({ a: 0, d: 0 }));
    const [a, b, d] = [world.start('a', 1), world.start('b', 2), world.start('d', 4)];
    await world.list({ ...a, weight: 300 }, b, d);
    await world.clock.advance(100);
    assert.deepEqual(await world.answering(60), ['b', 'c']);
    await world.client.close();
  });

  it('give way to those of the registry when they end', async () => {
    const world = await three();
    await rule(world, weights({ a: 0 }));
    await rule(world, {});
    assert.deepEqual(await world.answering(60), ['a', 'b', 'c']);
    await world.client.close();
  });
});

describe('rules that switch methods off', () => {
  const off = { methods: { hello: { enabled: false, message: 'we repair it', retryAfterMs: 60_000 } } };

  it('refuse calls before anything is sent, in the words of the operator, and never repeat them', async () => {
    const world = await setUp();
    const retried: unknown[] = [];
    world.client.on('retried', (event) => retried.push(event));
    const version = await rule(world, { switch: { ...everybody, ...off } });
    await assert.rejects(world.client.service(Greeter).with({ idempotent: true }).hello(), (error) => {
      assert.ok(isRpcError(error, 'UNAVAILABLE'));
      const rules = `version ${version} of the rules of "greeter"`;
      assert.equal(error.reason, `greeter.hello is switched off by the rule "switch" of ${rules}: we repair it`);
      assert.deepEqual([error.progress, error.retryAfterMs, error.attempts], ['unsent', 60_000, []]);
      assert.deepEqual([error.service, error.method], ['greeter', 'hello']);
      return true;
    });
    assert.deepEqual(retried, []);
    await world.client.close();
  });

  it('concern no other method, and let calls pass again when they are on', async () => {
    const world = await setUp();
    await rule(world, { switch: { ...everybody, methods: { hold: { enabled: false } } } });
    assert.equal(await world.call(), 'a');
    await rule(world, { switch: { ...everybody, ...off } });
    await assert.rejects(world.call());
    await rule(world, { switch: { ...everybody, methods: { hello: { enabled: true } } } });
    assert.equal(await world.call(), 'a');
    await world.client.close();
  });

  it('take no permit for what they refuse', async () => {
    const world = await setUp({ concurrency: { max: 1 } });
    await rule(world, { switch: { ...everybody, ...off } });
    for (let i = 0; i < 5; i++) await assert.rejects(world.call(), (error) => isRpcError(error, 'UNAVAILABLE'));
    await rule(world, {});
    assert.equal(await world.call(), 'a');
    await world.client.close();
  });
});

describe('the percentage of a rule', () => {
  it('is of clients: some have it, others do not, and state and event say which', async () => {
    const versionsApplied = new Set<string>();
    for (const name of ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7']) {
      const world = await setUp({ name });
      let event: ClientEvents['rulesApplied'][0] | undefined;
      world.client.on('rulesApplied', (each) => {
        event = each;
      });
      await rule(world, { switch: { mode: 'on', percent: 50, methods: { hello: { enabled: false } } } });
      const mode = world.client.state().services['greeter']?.rules?.policies.switch.mode;
      assert.equal(event?.policies.switch, mode);
      const answer = await world.call().catch((error: RpcError) => error.code);
      assert.equal(answer, mode === 'on' ? 'UNAVAILABLE' : 'a');
      versionsApplied.add(`${mode}`);
      await world.client.close();
    }
    assert.deepEqual([...versionsApplied].sort(), ['off', 'on']);
  });
});
