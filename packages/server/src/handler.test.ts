import assert from 'node:assert/strict';
import { callContext, contextKey, defineService, method, type RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import * as v from 'valibot';
import { z } from 'zod';
import { setUp } from '../test/bench.js';
import { createServer } from './face/server.js';

describe('an implementation', () => {
  it('may be an instance of a class, whose methods find their fields', async () => {
    class Counter {
      #count = 0;
      run(step: unknown): number {
        this.#count += step as number;
        return this.#count;
      }
      async safe(): Promise<number> {
        return this.#count;
      }
      tell(): void {}
    }
    const Work = defineService('work', { run: method<(step: number) => number>(), safe: method<() => number>() });
    const server = createServer({ registry: memory() }).add(Work, new Counter());
    await using client = connect(server);
    assert.equal(await client.service(Work).run(2), 2);
    assert.equal(await client.service(Work).run(3), 5);
    assert.equal(await client.service(Work).safe(), 5);
  });

  it('may be sync or async, or give a promise of another make', async () => {
    const thenable = { then: (resolve: (value: string) => void) => resolve('resolved') };
    await using bench = setUp({ run: (how) => (how === 'async' ? Promise.resolve('resolved') : thenable) });
    assert.equal(await bench.work.run('async'), 'resolved');
    assert.equal(await bench.work.run('thenable'), 'resolved');
  });

  it('serves calls of one connection side by side, and answers as they end', async () => {
    await using bench = setUp({
      run: (ms) => new Promise((resolve) => bench.clock.schedule(ms as number, () => resolve(ms))),
    });
    const order: unknown[] = [];
    for (const ms of [30, 10, 20]) bench.work.run(ms).then((answer) => order.push(answer));
    await bench.clock.advance(30);
    assert.deepEqual(order, [10, 20, 30]);
  });
});

describe('a value that authorize leaves', () => {
  it('is found by the handler of that call, and of no other', async () => {
    const user = contextKey<string>('user');
    const authorize = async (call: NonNullable<ReturnType<typeof callContext>>): Promise<void> => {
      if (call.metadata['user'] !== undefined) call.set(user, call.metadata['user']);
    };
    await using bench = setUp({ run: () => callContext()?.get(user) }, { authorize });
    const as = (name: string) => bench.work.with({ metadata: { user: name } });
    assert.deepEqual(await Promise.all([as('ann').run(), bench.work.run(), as('bob').run()]), [
      'ann',
      undefined,
      'bob',
    ]);
  });

  it('is not found under another key of the same name', async () => {
    const [one, other] = [contextKey<string>('user'), contextKey<string>('user')];
    await using bench = setUp({ run: () => callContext()?.get(other) }, { authorize: (call) => call.set(one, 'ann') });
    assert.equal(await bench.work.run(), undefined);
  });
});

describe('a result that cannot be sent', () => {
  it('fails its call, and the event says where in the result it is', async () => {
    await using bench = setUp({ run: () => ({ list: [1, { bad: () => 1 }] }) });
    await assert.rejects(bench.work.run(), {
      code: 'INTERNAL',
      message: /the server's log has the reason under \w{19} \(work\.run at memory:1 \[\w+\]\)$/,
    });
    assert.match(String(bench.errors[0]?.error), /value at \$\.list\[1\]\.bad is a function/);
  });

  it('fails its call when it is larger than a message may be, with the limit', async () => {
    await using bench = setUp({ run: () => 'x'.repeat(2_000) }, { limits: { messageBytes: 1_024 } });
    await assert.rejects(bench.work.run(), {
      code: 'RESOURCE_EXHAUSTED',
      message: /the result has \d+ bytes, the limit is 1024 \(limits\.messageBytes\)/,
    });
    assert.deepEqual(await bench.work.safe('small'), ['small']);
  });

  it('fails its call when the response metadata is wrong, and the event says which', async () => {
    await using bench = setUp({
      run: () => {
        callContext()!.responseMetadata['Bad Key'] = 'x';
      },
    });
    await assert.rejects(bench.work.run(), { code: 'INTERNAL' });
    assert.match(String(bench.errors[0]?.error), /metadata key "Bad Key"/);
  });
});

const byZod = method({
  args: [z.object({ amount: z.number().positive() }), z.string().trim().optional()],
  returns: z.object({ id: z.number() }),
});
const byValibot = method({
  args: [v.object({ amount: v.pipe(v.number(), v.minValue(1)) }), v.optional(v.pipe(v.string(), v.trim()))],
  returns: v.object({ id: v.number() }),
});

for (const [library, definition] of [
  ['zod', byZod],
  ['valibot', byValibot],
] as const)
  describe(`a contract with schemas of ${library}`, () => {
    const Bank = defineService('bank', { pay: definition });
    const open = (pay: (order: { amount: number }, note?: string) => unknown) => {
      const server = createServer({ registry: memory() });
      server.add(Bank, { pay: pay as never });
      const errors: unknown[] = [];
      server.on('handlerError', ({ error }) => errors.push(error));
      return { client: connect(server), errors };
    };

    it('gives the handler what its schemas make of the arguments, and the caller what they make of the result', async () => {
      const seen: unknown[] = [];
      const { client } = open((order, note) => {
        seen.push(order, note);
        return { id: 1, secret: 'not declared' };
      });
      const extra = { amount: 5, more: 'dropped' };
      assert.deepEqual(await client.service(Bank).pay(extra, '  hi '), { id: 1 });
      assert.deepEqual(seen, [{ amount: 5 }, 'hi']);
      await client.close();
    });

    it('refuses wrong arguments before the handler runs, and says where they are wrong', async () => {
      let runs = 0;
      const { client } = open(() => runs++);
      await assert.rejects(client.service(Bank).pay({ amount: -1 }), (error: RpcError) => {
        const { issues } = error.details as { issues: { path: unknown; message: string }[] };
        assert.deepEqual([error.code, error.progress, issues.length], ['INVALID_ARGUMENT', 'refused', 1]);
        assert.deepEqual(issues[0]?.path, [0, 'amount']);
        assert.match(error.message, /^INVALID_ARGUMENT: bank\.pay: invalid arguments: \[0\]\.amount: \w/);
        return true;
      });
      await assert.rejects(client.service(Bank).pay('x' as never), { code: 'INVALID_ARGUMENT' });
      await assert.rejects(
        (client.service(Bank).pay as (...args: unknown[]) => Promise<unknown>)({ amount: 1 }, 'a', 'b'),
        {
          code: 'INVALID_ARGUMENT',
          message: /too many arguments: expected at most 2, got 3/,
        },
      );
      assert.equal(runs, 0);
      await client.close();
    });

    for (const [how, result] of [
      ['at once', { id: 'secret' }],
      ['by a promise', Promise.resolve({ id: 'secret' })],
    ])
      it(`lets no wrong result out that comes ${how}; the event says where it is wrong, without the value`, async () => {
        const { client, errors } = open(() => result);
        await assert.rejects(client.service(Bank).pay({ amount: 1 }), (error: RpcError) => {
          assert.equal(error.code, 'INTERNAL');
          assert.match(
            error.message,
            /^INTERNAL: the handler failed; the server's log has the reason under \w{19} \(bank\.pay at memory:1 \[\w+\]\)$/,
          );
          return true;
        });
        assert.equal(String(errors[0]), 'Error: bank.pay: the result does not fit its schema at .id');
        await client.close();
      });
  });
