import assert from 'node:assert/strict';
import { callContext, type Layer, RpcError } from '@org/rpc-core';
import { setUp } from '../test/bench.js';

const with_ = (...unary: readonly Layer[]): { layers: { unary: readonly Layer[] } } => ({ layers: { unary } });

describe("a server's layers", () => {
  it('see each call and its outcome, one-way calls included', async () => {
    const seen: unknown[] = [];
    const watch: Layer = (next) => async (call) => {
      const { service, method, args, metadata } = call;
      const result = await next(call);
      seen.push([`${service}.${method}`, args, { ...metadata }, result]);
      return result;
    };
    await using bench = setUp({}, with_(watch));
    await bench.work.with({ metadata: { user: 'ann' } }).run('a', 1);
    await bench.work.tell('news');
    await bench.clock.advance(0);
    assert.deepEqual(seen, [
      ['work.run', ['a', 1], { user: 'ann' }, ['a', 1]],
      ['work.tell', ['news'], {}, ['news']],
    ]);
  });

  it('stand in the order of the list, inside authorize', async () => {
    const order: string[] = [];
    const named = (name: string): Layer => {
      return (next) => (call) => {
        order.push(name);
        return next(call);
      };
    };
    const run = (): void => void order.push('handler');
    const authorize = (): void => void order.push('authorize');
    await using bench = setUp({ run }, { ...with_(named('first'), named('second')), authorize });
    await bench.work.run();
    assert.deepEqual(order, ['authorize', 'first', 'second', 'handler']);
  });

  it('run in the context of the call, with its deadline', async () => {
    const seen: unknown[] = [];
    const watch: Layer = (next) => (call) => {
      seen.push(callContext()?.method, callContext()?.remainingMs(), call.deadline);
      return next(call);
    };
    await using bench = setUp({}, with_(watch));
    await bench.work.with({ timeoutMs: 200 }).run();
    assert.deepEqual(seen, ['run', 200, 1_200]);
  });

  it('may change arguments and metadata for the handler', async () => {
    const change: Layer = (next) => (call) => {
      call.args = ['changed'];
      call.metadata = { ...call.metadata, tenant: 'a' };
      return next(call);
    };
    await using bench = setUp({ run: (arg) => [arg, { ...callContext()?.metadata }] }, with_(change));
    assert.deepEqual(await bench.work.with({ metadata: { user: 'ann' } }).run('a'), [
      'changed',
      { user: 'ann', tenant: 'a' },
    ]);
  });

  it('may answer themselves, or refuse: then no handler has run, and the caller knows', async () => {
    let runs = 0;
    const answer: Layer = (next) => (call) => (call.args[0] === 'cached' ? Promise.resolve('answer') : next(call));
    const refuse: Layer = () => () => {
      throw new RpcError('PERMISSION_DENIED', 'not you');
    };
    await using bench = setUp({ run: () => runs++ }, with_(answer, refuse));
    assert.equal(await bench.work.run('cached'), 'answer');
    await assert.rejects(bench.work.run('other'), {
      message: 'PERMISSION_DENIED: not you (work.run at memory:1)',
      progress: 'refused',
    });
    assert.equal(runs, 0);
  });

  it('may run the handler again', async () => {
    let runs = 0;
    const again: Layer = (next) => (call) => next(call).catch(() => next(call));
    const run = (): string => {
      if (++runs === 1) throw new Error('conflict');
      return 'done';
    };
    await using bench = setUp({ run }, with_(again));
    assert.equal(await bench.work.run(), 'done');
    assert.deepEqual(bench.errors, []);
  });

  it('see what the handler has really thrown, and may make an answer of it', async () => {
    const translate: Layer = (next) => (call) =>
      next(call).catch((error: unknown) => {
        throw error instanceof RangeError ? new RpcError('OUT_OF_RANGE', error.message) : error;
      });
    const run = (): never => {
      throw new RangeError('too far');
    };
    await using bench = setUp({ run }, with_(translate));
    await assert.rejects(bench.work.run(), {
      message: 'OUT_OF_RANGE: too far (work.run at memory:1)',
      progress: 'processed',
    });
  });

  it('fail their call alone when they make a mistake', async () => {
    const mistake: Layer = (next) => (call) => {
      if (call.args[0] === 'bad') throw new TypeError('no such property');
      return next(call);
    };
    await using bench = setUp({}, with_(mistake));
    await assert.rejects(bench.work.run('bad'), { code: 'INTERNAL' });
    assert.match(String(bench.errors[0]?.error), /no such property/);
    assert.deepEqual(await bench.work.run('good'), ['good']);
  });
});
