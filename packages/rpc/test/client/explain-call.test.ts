import assert from 'node:assert/strict';
import { createClient } from '@org/rpc-client';
import {
  defineService,
  type ExplainedNode,
  type Explanation,
  isRpcError,
  type ResponseInfo,
  RpcError,
  stream,
} from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { Greeter, World } from './world.js';

/** What is said of a node, in short. */
const short = ({ instance, standing, because }: ExplainedNode): string =>
  `${instance} ${standing}${because.map(({ fault }) => ` ${fault}`).join('')}`;

describe('client.explain()', () => {
  it('says which instances there are for a call, and which are left out and why', async () => {
    const world = new World({ zone: 'here' });
    const [a, b, c, d] = [world.start('a', 1), world.start('b', 2), world.start('c', 3), world.start('d', 4)];
    world.kill(b);
    world.client.service(Greeter);
    const held = world.client
      .service(Greeter)
      .hold()
      .catch(() => undefined);
    await world.list({ ...a, zone: 'here' }, b, { ...c, weight: 0, zone: 'there' }, { ...d, state: 'draining' });
    const { nodes, text, ...rest } = world.client.explain(Greeter, 'hello');
    assert.deepEqual(nodes.map(short), ['a open', 'b out down', 'c behind weight zone', 'd out draining']);
    assert.match(nodes[1]!.because[0]!.text, /connection refused: nothing listens there/);
    assert.deepEqual(rest, {
      schema: 1,
      service: 'greeter',
      method: 'hello',
      attempt: 0,
      known: true,
      fresh: true,
      picker: 'p2c',
      route: undefined,
      refused: undefined,
      omitted: 0,
      unused: 0,
      taken: undefined,
      takenBecause: undefined,
      takenInstance: undefined,
    });
    assert.match(
      text,
      /^1 of 4 instances take calls of greeter\.hello; h:2 \[b\]: connection refused.*; h:4 \[d\]: it is draining; p2c chooses$/,
    );
    const explained = world.client.explain('greeter', 'hello');
    assert.equal(JSON.parse(JSON.stringify(explained)).nodes.length, 4);
    await world.client.close();
    await held;
  });

  it('says where the rules lead a call by its metadata, and that they refuse one', async () => {
    const world = new World();
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const held = world.client
      .service(Greeter)
      .hold()
      .catch(() => undefined);
    await world.list({ ...a, tags: { v: '1' } }, { ...b, tags: { v: '2' } });
    const routes = [{ name: 'canary', match: { metadata: { tenant: 'x' } }, to: { tags: { v: '2' } } }];
    const off = { mode: 'on', methods: { hold: { enabled: false, message: 'it is being repaired' } } };
    world.registry.publishRules('greeter', {
      schemaVersion: 1,
      version: 1,
      route: { mode: 'on', routes },
      switch: off,
    });
    await world.clock.advance(500);
    const led = world.client.explain(Greeter, 'hello', { metadata: { tenant: 'x' } });
    assert.deepEqual([led.route, ...led.nodes.map(short)], ['canary', 'a behind route', 'b open']);
    assert.equal(world.client.explain(Greeter, 'hello').route, undefined);
    assert.match(world.client.explain(Greeter, 'hold').text, /it is being repaired/);
    await world.client.close();
    await held;
  });

  it('shows breakers, ejections and failures of a node', async () => {
    const world = new World({ breaker: { minCalls: 5 }, retry: false, throttle: false });
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const greeter = world.client.service(Greeter).with({ timeoutMs: 50 });
    await world.list(a, b);
    const calls = Array.from({ length: 30 }, () => greeter.hold().catch(() => undefined));
    await world.clock.advance(100);
    await Promise.all(calls);
    const faults = world.client
      .explain(Greeter, 'hold')
      .nodes.flatMap(({ because }) => because.map(({ fault }) => fault));
    assert.ok(faults.includes('breaker') || faults.includes('ejected'), faults.join());
    assert.ok(
      world.client
        .explain(Greeter, 'hello')
        .nodes.every(({ because }) => !because.some(({ fault }) => fault === 'breaker')),
    );
    await world.client.close();
  });

  it('knows nothing of a service that was not used, and refuses wrong options', async () => {
    const world = new World();
    const { known, nodes, text } = world.client.explain('other', 'thing');
    assert.deepEqual([known, nodes], [false, []]);
    assert.match(text, /nothing is known of "other"/);
    assert.throws(() => world.client.explain('other', 'thing', { meta: {} } as never), /client\.explain: .*meta/);
    assert.throws(() => world.client.explain(Greeter, 'helo'), /did you mean "hello"\?/);
    await world.client.close();
  });
});

/** What an attempt found, and what it took, in short. */
const took = ({ attempt, taken, nodes }: Explanation): string => `${attempt} ${taken}: ${nodes.map(short).join(', ')}`;

describe('the option explain of a call', () => {
  it('tells with the answer what there was to choose from and why one was taken', async () => {
    const world = new World();
    const [a, b, c] = [world.start('a', 1), world.start('b', 2), world.start('c', 3)];
    const infos: ResponseInfo[] = [];
    const onResponse = (info: ResponseInfo): number => infos.push(info);
    const greeter = world.client.service(Greeter);
    const first = greeter.hello();
    await world.list(a, { ...b, state: 'draining' }, { ...c, weight: 0 });
    await first;
    await greeter.with({ explain: true, onResponse }).hello();
    const [chosen] = infos[0]!.explanations!;
    assert.equal(took(chosen!), '0 h:1: a open, b out draining, c behind weight');
    assert.match(
      chosen!.text,
      /; h:2 \[b\]: it is draining; h:3 \[c\]: its weight is 0; h:1 \[a\] was taken: it is the only one that is open$/,
    );
    await greeter.with({ onResponse }).hello();
    assert.equal(infos[1]!.explanations, undefined);
    await world.client.close();
  });

  it('tells with the error what each attempt found, also of a call that was never sent', async () => {
    const world = new World({ retry: { max: 1 }, breaker: false });
    const [a, b] = [world.start('a', 1), world.start('b', 2)];
    const greeter = world.client.service(Greeter).with({ explain: true, idempotent: true });
    const early = greeter.hello();
    await world.list(a, b);
    await early;
    const slow = greeter.with({ timeoutMs: 200, attemptTimeoutMs: 50 }).hold();
    const failed = assert.rejects(slow, (error) => {
      assert.ok(isRpcError(error, 'DEADLINE_EXCEEDED'));
      const [first, second] = error.explanations!;
      assert.equal(took(first!), `0 ${first!.taken}: a open, b open`);
      assert.match(first!.takenBecause!, /^p2c has chosen it among 2: 0 in flight, some [\d.]+ ms expected$/);
      assert.equal([first!.taken, second!.taken].sort().join(), 'h:1,h:2');
      assert.match(second!.text, /^attempt 2: 1 of 2 .*.*, another attempt of the call went there; .*the only one/);
      return true;
    });
    await world.clock.advance(300);
    await failed;
    for (const each of [a, b]) world.kill(each);
    await world.settle();
    const failing = greeter.hello().catch((error) => error);
    const plainly = world.client
      .service(Greeter)
      .hello()
      .catch((error: unknown) => error);
    await world.clock.advance(2_000);
    const unsent = await failing;
    assert.equal(took(unsent.explanations[0]), '0 undefined: a out down failing, b out down failing');
    assert.match(unsent.explanations[0].text, /; none was taken$/);
    const plain = await plainly;
    assert.ok(isRpcError(plain, 'UNAVAILABLE') && plain.explanations === undefined);
    await world.client.close();
  });

  it('names the rule that refuses a call before any attempt', async () => {
    const world = new World();
    const a = world.start('a', 1);
    const greeter = world.client.service(Greeter).with({ explain: true });
    const first = greeter.hello();
    await world.list(a);
    await first;
    const methods = { hello: { enabled: false, message: 'it is being repaired' } };
    world.registry.publishRules('greeter', { schemaVersion: 1, version: 1, switch: { mode: 'on', methods } });
    await world.clock.advance(500);
    const error = await greeter.hello().catch((thrown) => thrown);
    assert.match(error.explanations[0].text, /it is being repaired/);
    await world.client.close();
  });
});

describe('the error of a call that was sent', () => {
  it('names in short the instances that the call was kept from, and says nothing of those that were open', async () => {
    const world = new World({ retry: false });
    const [a, b, c] = [world.start('a', 1), world.start('b', 2), world.start('c', 3)];
    const greeter = world.client.service(Greeter).with({ timeoutMs: 100 });
    const early = greeter.hello();
    await world.list(a, { ...b, state: 'draining' }, { ...c, weight: 0 });
    await early;
    const held = greeter.hold().catch((error) => error);
    await world.clock.advance(150);
    assert.match(
      (await held).message,
      /took longer than 100 ms, the timeoutMs of the call \(h:1 \[a\] no reply in 100 ms; not retried: .*; left out of 3 instances: 1 draining, 1 of weight 0\); at fault/,
    );
    await world.list(a, b, c);
    await greeter.hello();
    const later = greeter.hold().catch((error) => error);
    await world.clock.advance(150);
    assert.doesNotMatch((await later).message, /left out/);
    await world.client.close();
  });
});

describe('the option explain of a stream', () => {
  it('tells with its error which node it had, and which there were', async () => {
    const Feed = defineService('feed', { items: stream<() => AsyncIterable<number>>() });
    const registry = memory();
    const server = createServer({ registry });
    server.add(Feed, {
      async *items() {
        yield 1;
        throw new RpcError('ABORTED', 'no more of it');
      },
    });
    await server.listen();
    const client = createClient({ registry });
    const read = async (): Promise<void> => {
      for await (const _ of client.service(Feed, { explain: true }).items());
    };
    await assert.rejects(read(), (error) => {
      assert.ok(isRpcError(error, 'ABORTED'));
      assert.equal(error.explanations?.at(-1)?.taken, error.endpoint);
      return true;
    });
    await client.close();
    await server.close();
  });
});

describe('an explanation', () => {
  it('says how many instances the client leaves to others', async () => {
    const world = new World({ subset: { size: 2 } });
    const early = world.client.service(Greeter).hello();
    await world.list(world.start('a', 1), world.start('b', 2), world.start('c', 3), world.start('d', 4));
    await early;
    const { nodes, unused, text } = world.client.explain(Greeter, 'hello');
    assert.deepEqual([nodes.length, unused], [2, 2]);
    assert.match(text, /^2 of 2 instances .*; 2 more are outside the subset that this client uses; p2c chooses$/);
    await world.client.close();
  });

  it('has at most 100 instances, those first of which something is to be said', async () => {
    const world = new World();
    const held = world.client
      .service(Greeter)
      .hold()
      .catch(() => undefined);
    const many = Array.from({ length: 130 }, (_, i) => world.start(`s${i}`, i + 1));
    await world.list(...many.map((each, i) => (i === 129 ? { ...each, state: 'draining' as const } : each)));
    const { nodes, omitted, text } = world.client.explain(Greeter, 'hello');
    assert.deepEqual([nodes.length, omitted, nodes[0]!.instance], [100, 30, 's129']);
    assert.match(text, /^129 of 130 instances/);
    await world.client.close();
    await held;
  });
});
