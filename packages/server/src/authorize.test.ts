import assert from 'node:assert/strict';
import { type CallContext, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect } from '@org/rpc-testkit';
import { type Codec, msgpack } from '@org/rpc-wire';
import { setUp, Work } from '../test/bench.js';
import { createServer } from './face/server.js';

const refuse = (): never => {
  throw new RpcError('UNAUTHENTICATED', 'log in first (work.run at memory:1)', { details: { at: '/login' } });
};

describe('authorize', () => {
  it('sees who calls what, with what metadata and how much time', async () => {
    const seen: unknown[] = [];
    const authorize = (call: CallContext): void => {
      const { service, method, metadata, peer } = call;
      seen.push([service, method, { ...metadata }, peer.address, call.remainingMs()]);
    };
    await using bench = setUp({}, { authorize });
    await bench.work.with({ metadata: { user: 'ann' }, timeoutMs: 200 }).run();
    assert.deepEqual(seen, [['work', 'run', { user: 'ann' }, 'memory:server', 200]]);
  });

  for (const [how, authorize] of [
    ['throws', refuse],
    ['rejects', async () => refuse()],
  ] as const) {
    it(`refuses with the RpcError that it ${how}; the handler does not run`, async () => {
      let runs = 0;
      await using bench = setUp({ run: () => runs++ }, { authorize });
      await assert.rejects(bench.work.run(), {
        code: 'UNAUTHENTICATED',
        message: 'UNAUTHENTICATED: log in first (work.run at memory:1)',
        details: { at: '/login' },
        progress: 'refused',
      });
      assert.equal(runs, 0);
      assert.equal(bench.server.running, 0);
      assert.deepEqual(bench.errors, []);
    });

    it(`refuses one-way calls too, in silence, when it ${how}`, async () => {
      let runs = 0;
      await using bench = setUp({ tell: () => runs++ }, { authorize });
      await bench.work.tell('news');
      await bench.clock.advance(0);
      assert.equal(runs, 0);
      assert.equal(bench.server.running, 0);
      assert.deepEqual(bench.errors, []);
    });
  }

  for (const [how, authorize] of [
    [
      'throws',
      () => {
        throw new Error('the user database is down');
      },
    ],
    ['rejects with', () => Promise.reject(new Error('the user database is down'))],
  ] as const)
    it(`refuses with INTERNAL and an id when it ${how} anything else`, async () => {
      let runs = 0;
      await using bench = setUp({ run: () => runs++ }, { authorize });
      await assert.rejects(bench.work.run(), {
        code: 'INTERNAL',
        message:
          /^INTERNAL: the handler failed; the server's log has the reason under \w{19} \(work\.run at memory:1 \[\w+\]\)$/,
        progress: 'refused',
      });
      assert.equal(runs, 0);
      assert.match(String(bench.errors[0]?.error), /the user database is down/);
    });

  it('runs before anything of the arguments is decoded', async () => {
    const codec = msgpack();
    let decoded = 0;
    const counting: Codec = {
      ...codec,
      createDecoder(limits) {
        const decode = codec.createDecoder(limits);
        return (...message) => {
          decoded++;
          return decode(...message);
        };
      },
    };
    let isAllowed = true;
    const authorize = async (): Promise<void> => {
      if (!isAllowed) refuse();
    };
    const server = createServer({ registry: memory(), codec: counting, authorize });
    server.add(Work, { run: () => {}, safe: () => {}, tell: () => {} });
    await using client = connect(server);
    const work = client.service(Work);
    await work.run();
    const before = decoded;
    isAllowed = false;
    await assert.rejects(work.run({ large: 'x'.repeat(1_000) }), { code: 'UNAUTHENTICATED' });
    assert.equal(decoded, before);
    isAllowed = true;
    await work.run();
    assert.equal(decoded, before + 1);
  });

  it('may take its time: the arguments are those of its call', async () => {
    const authorize = (call: CallContext): Promise<void> =>
      new Promise((resolve) => bench.clock.schedule(Number(call.metadata['ms']), resolve));
    await using bench = setUp({}, { authorize });
    const after = (ms: number) => bench.work.with({ metadata: { ms: `${ms}` } }).run(ms);
    const calls = Promise.all([after(30), after(10), after(20)]);
    await bench.clock.advance(30);
    assert.deepEqual(await calls, [[30], [10], [20]]);
  });

  it('does not let a call run that was given up meanwhile', async () => {
    let runs = 0;
    const authorize = (): Promise<void> => new Promise((resolve) => bench.clock.schedule(50, resolve));
    await using bench = setUp({ run: () => runs++ }, { authorize });
    const controller = new AbortController();
    const call = bench.work.with({ signal: controller.signal }).run();
    await bench.clock.advance(10);
    controller.abort();
    await assert.rejects(call, { code: 'CANCELLED' });
    await bench.clock.advance(50);
    assert.equal(runs, 0);
    assert.equal(bench.server.running, 0);
  });

  it('is not asked for what does not exist', async () => {
    let asked = 0;
    const server = createServer({ registry: memory(), authorize: () => void asked++ });
    server.add(Work, { run: () => {}, safe: () => {}, tell: () => {} });
    await using client = connect(server);
    await assert.rejects(client.call('work', 'ru', []), { code: 'UNIMPLEMENTED' });
    assert.equal(asked, 0);
  });
});
