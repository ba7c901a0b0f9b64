import assert from 'node:assert/strict';
import { consistentHash, roundRobin } from '@org/rpc-client';
import { RpcError } from '@org/rpc-core';
import { TownScene } from './town-scene.js';

const IDS = ['a', 'b', 'c', 'd'] as const;

/** Throws what a handler refuses for its meaning. */
function refused(): string {
  throw new RpcError('NOT_FOUND', 'no such thing');
}

// Each has happened to users of other systems of this kind.
describe('what has gone wrong elsewhere with repeats', () => {
  it('an error of the business is an answer, and runs once, idempotent or not', async () => {
    const scene = await new TownScene({ retry: { max: 5 } }).open(3);
    for (const id of IDS) scene.deeds.set(id, refused);
    assert.deepEqual(await scene.ends(1), ['NOT_FOUND']);
    assert.deepEqual(await scene.ends(1, {}, 'buy'), ['NOT_FOUND']);
    for (const id of IDS)
      scene.deeds.set(id, () => {
        throw new Error('a bug');
      });
    assert.deepEqual(await scene.ends(1), ['INTERNAL']);
    assert.equal(scene.seen.length, 3);
    await scene.close();
  });

  it('an order that may have arrived is never placed twice: no answer, no connection, no server', async () => {
    const scene = await new TownScene({ retry: { max: 5 }, hedge: { delayMs: 0, max: 2 } }).open(3);
    scene.do('hold');
    const [late, lost] = [await scene.begin({ timeoutMs: 200 }, 'buy'), await scene.begin({}, 'buy')];
    await scene.pass(300);
    for (const id of IDS) scene.kill(id);
    await scene.pass(2_000);
    assert.deepEqual([late.end, lost.end, scene.seen.length], ['DEADLINE_EXCEEDED', 'UNAVAILABLE', 2]);
    scene.do('fail');
    await scene.close();
  });

  it('repeats and waits are within the one timeout of the call, however many there may be', async () => {
    const scene = await new TownScene({ retry: { max: 10 }, timeoutMs: 700, hedge: { delayMs: 30 } }).open(4);
    scene.do('hold');
    assert.equal((await scene.call()).afterMs, 700);
    scene.do('fail');
    assert.ok((await scene.call()).afterMs <= 700);
    await scene.close();
  });

  it('what fails together is not repeated together', async () => {
    const scene = await new TownScene({ retryBudget: { percent: 100 } }).open(3);
    const delays: number[] = [];
    scene.client.on('retried', ({ delayMs }) => delays.push(delayMs));
    scene.do('fail');
    const made = [];
    for (let i = 0; i < 100; i++) made.push(await scene.begin());
    await scene.pass(1_500);
    assert.ok(made.every(({ end }) => end !== undefined));
    assert.ok(delays.length >= 50, `${delays.length}`);
    assert.ok(new Set(delays.map(Math.round)).size > 20, 'in many different milliseconds');
    await scene.close();
  });

  it('when all attempts of a hedged call fail, the error of a server is told and no timeout in its place', async () => {
    const scene = await new TownScene({ retry: false, hedge: { delayMs: 10, maxPercent: 100 } }).open(2);
    let calls = 0;
    const slowly = (): string => {
      calls++;
      throw new RpcError('INTERNAL', 'the disk is full');
    };
    scene.do('hold');
    const made = await scene.begin({ timeoutMs: 300 });
    for (const id of IDS) scene.deeds.set(id, slowly);
    await scene.pass(20);
    await scene.pass(500);
    assert.deepEqual([made.end, calls], ['INTERNAL', 1]);
    await scene.close();
  });

  it('what one of several processes at an address denies, another one of them answers', async () => {
    const scene = new TownScene({ retry: false, balancer: roundRobin() }, ['a']);
    scene.sharesAddress = true;
    await scene.open(2);
    const endpoints: (string | undefined)[] = [];
    scene.client.on('retried', ({ endpoint, code }) => endpoints.push(`${endpoint} ${code}`));
    assert.deepEqual(await scene.ends(4, {}, 'buy'), ['b', 'b', 'b', 'b']);
    assert.deepEqual(endpoints.slice(0, 1), ['h:0 UNIMPLEMENTED']);
    await scene.close();
  });

  it('a repeat goes to another one of several processes at an address', async () => {
    const scene = new TownScene({ balancer: consistentHash() });
    scene.sharesAddress = true;
    await scene.open(3);
    scene.do('fail');
    for (let key = 0; key < 10; key++) {
      scene.seen.length = 0;
      assert.deepEqual(await scene.ends(1, { hashKey: `${key}`, timeoutMs: 5_000 }), ['UNAVAILABLE']);
      assert.equal(new Set(scene.seen).size, scene.seen.length, scene.seen.join());
      assert.ok(scene.seen.length >= 2 || key > 2, scene.seen.join());
    }
    await scene.close();
  });

  it('the second attempt of a slow call goes to another instance, not to the cheapest again', async () => {
    const scene = await new TownScene({ hedge: { delayMs: 10 } }).open(2);
    scene.do('hold');
    await scene.rule({ route: { mode: 'on', routes: [{ name: 'b', to: { instances: ['b'] } }] } });
    for (let i = 0; i < 20; i++) await scene.begin({ hedge: false, timeoutMs: 5_000 });
    await scene.rule({});
    scene.seen.length = 0;
    await scene.begin();
    await scene.pass(100);
    assert.deepEqual(scene.seen, ['a', 'b'], 'though the other one is much busier');
    await scene.close();
  });

  it('the first calls of a slow method are answered: of what nobody knows yet nothing is hedged', async () => {
    const scene = await new TownScene({ hedge: {} }).open(3);
    scene.do('hold');
    const made = await scene.begin();
    await scene.pass(600);
    await scene.release();
    assert.deepEqual([made.end, scene.seen.length], [scene.seen[0], 1]);
    await scene.close();
  });

  it('a failure is an error, not an empty answer, unless somebody asks for that', async () => {
    const scene = await new TownScene({ retry: false }).open(1);
    scene.do('fail');
    assert.deepEqual(await scene.ends(1), ['UNAVAILABLE']);
    assert.deepEqual(await scene.ends(1, { fallback: {} }), ['done']);
    await scene.close();
  });
});

describe('what has gone wrong elsewhere with instances', () => {
  it('one that is left alone is tried again, by calls and not in a busy loop, and comes back when it is well', async () => {
    const scene = await new TownScene().open(3);
    const dials = scene.dials.length;
    scene.deeds.set('a', 'fail');
    for (let i = 0; i < 5; i++) await scene.client.broadcast('town', 'go', [], { idempotent: true, retry: false });
    assert.ok(scene.state.nodes.find(({ instance }) => instance === 'a')!.ejected);
    scene.seen.length = 0;
    for (let i = 0; i < 20; i++) {
      await scene.ends(1);
      await scene.pass(2_000);
    }
    const trials = scene.seen.filter((id) => id === 'a').length;
    assert.ok(trials >= 1 && trials <= 8, `${trials} trials in 40 s`);
    scene.deeds.set('a', 'answer');
    for (let i = 0; i < 40; i++) {
      await scene.ends(1);
      await scene.pass(500);
    }
    assert.equal(scene.state.nodes.find(({ instance }) => instance === 'a')!.ejected, undefined);
    assert.equal(scene.dials.length, dials, 'nothing was connected anew');
    await scene.close();
  });

  it('one that comes back serves again though no call of its service may be repeated', async () => {
    const scene = await new TownScene().open(2);
    scene.deeds.set('a', 'fail');
    for (let i = 0; i < 30; i++) await scene.ends(1, {}, 'buy');
    scene.deeds.set('a', 'answer');
    for (let i = 0; i < 80; i++) {
      await scene.ends(1, {}, 'buy');
      await scene.pass(200);
    }
    scene.seen.length = 0;
    await scene.ends(40, {}, 'buy');
    assert.ok(scene.seen.includes('a'));
    await scene.close();
  });

  it('a port that refuses is tried ever more rarely, and not by all the time', async () => {
    const scene = await new TownScene().open(2);
    scene.kill('a');
    scene.dials.length = 0;
    await scene.pass(60_000);
    const tries = scene.dials.filter(({ id }) => id === 'a').length;
    assert.ok(tries >= 5 && tries <= 60, `${tries} in a minute`);
    assert.deepEqual(new Set(await scene.ends(20)), new Set(['b']));
    await scene.close();
  });

  it('a server that was started anew is called again, without the client being started anew', async () => {
    const scene = await new TownScene().open(1);
    scene.kill('a');
    assert.deepEqual(await scene.ends(1), ['UNAVAILABLE']);
    await scene.pass(120_000);
    scene.down.clear();
    await scene.pass(10_000);
    assert.deepEqual(await scene.ends(3), ['a', 'a', 'a']);
    await scene.close();
  });

  it('an empty list takes no server from its clients that answers', async () => {
    const scene = await new TownScene().open(3);
    await scene.list();
    await scene.pass(60_000);
    assert.deepEqual(new Set(await scene.ends(60)), new Set(['a', 'b', 'c']));
    await scene.close();
  });

  it('a list that changes under calls takes none of them', async () => {
    const scene = await new TownScene().open(3);
    scene.do('hold');
    const made = [];
    for (const ids of [['a'], ['b', 'c'], IDS, ['d'], ['c', 'b', 'a']]) {
      for (let i = 0; i < 4; i++) made.push(await scene.begin({ timeoutMs: 60_000 }));
      await scene.list(...ids);
    }
    for (let i = 0; i < 5; i++) await scene.release();
    assert.deepEqual(
      made.filter(({ end }) => end === undefined || end.length > 1),
      [],
    );
    await scene.close();
  });

  it('a method that fails at one instance is avoided there, and nowhere else', async () => {
    const scene = await new TownScene({ ejection: false, breaker: { minCalls: 5 } }).open(3);
    scene.deeds.set('a', 'fail');
    for (let i = 0; i < 10; i++) await scene.client.broadcast('town', 'go', [], { retry: false });
    const open = scene.state.nodes.flatMap(({ instance, breakers }) => breakers.map(({ method }) => instance + method));
    assert.deepEqual(open, ['ago']);
    scene.deeds.set('a', 'answer');
    // A trial call, and the time in which it is given more and more.
    await scene.pass(30_000);
    await scene.ends(20, {}, 'buy');
    await scene.pass(30_000);
    assert.equal(scene.state.nodes.flatMap(({ breakers }) => breakers).length, 1, 'still open for the other method');
    scene.seen.length = 0;
    await scene.ends(100, {}, 'buy');
    const share = scene.seen.filter((id) => id === 'a').length;
    assert.ok(share > 20, `${share} of 100 calls of another method`);
    await scene.close();
  });

  it('a key stays at its instance when the same list is published anew, in any order', async () => {
    const scene = await new TownScene({ balancer: consistentHash() }).open(4);
    const where = async (): Promise<string[]> => {
      const places: string[] = [];
      for (let i = 0; i < 40; i++) places.push(...(await scene.ends(1, { hashKey: `key-${i}` })));
      return places;
    };
    const before = await where();
    assert.ok(new Set(before).size === 4);
    await scene.list('d', 'b', 'a', 'c');
    assert.deepEqual(await where(), before);
    await scene.close();
  });

  it('a weight of 0 means no calls, and one that is given back brings calls again, without any in between', async () => {
    const scene = await new TownScene().open(2);
    await scene.rule({ weight: { mode: 'on', endpoints: { a: 0 } } });
    assert.deepEqual(new Set(await scene.ends(50)), new Set(['b']));
    await scene.pass(300_000);
    await scene.rule({ weight: { mode: 'on', endpoints: { a: 100 } } });
    assert.deepEqual(new Set(await scene.ends(50)), new Set(['a', 'b']));
    await scene.close();
  });

  it('a newcomer is given its share bit by bit', async () => {
    const scene = await new TownScene().open(3);
    await scene.ends(100);
    await scene.pass(60_000);
    await scene.list('a', 'b', 'c', 'd');
    const share = async (): Promise<number> => {
      scene.seen.length = 0;
      scene.do('hold');
      for (let i = 0; i < 60; i++) await scene.begin({ timeoutMs: 5_000 });
      scene.do('answer');
      await scene.release();
      return scene.seen.filter((id) => id === 'd').length;
    };
    const early = await share();
    await scene.pass(60_000);
    const late = await share();
    assert.ok(early < late / 2, `${early}, then ${late} of 60`);
    await scene.close();
  });
});

describe('what has gone wrong elsewhere with settings', () => {
  it('0 is a value, wherever it is given: no retries, no weight, no hedge, nothing kept', async () => {
    const attempts = async (client: object, rules: object, options: object): Promise<number> => {
      const scene = await new TownScene(client).open(3);
      await scene.rule(rules);
      scene.do('fail');
      await scene.ends(1, options);
      const made = scene.seen.length;
      await scene.close();
      return made;
    };
    const five = { retry: { max: 5 } };
    assert.equal(await attempts({ retry: { max: 0 } }, {}, {}), 1);
    assert.equal(await attempts(five, { retry: { mode: 'on', max: 0 } }, {}), 1);
    assert.equal(await attempts(five, {}, { retry: { max: 0 } }), 1);
    assert.ok((await attempts(five, {}, {})) > 1);
    assert.equal(await attempts({ ...five, retryBudget: { percent: 0, minPerSecond: 0 } }, {}, {}), 1);
  });
});
