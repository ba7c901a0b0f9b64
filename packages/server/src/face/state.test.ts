import assert from 'node:assert/strict';
import { callContext, RpcError } from '@org/rpc-core';
import { connect } from '@org/rpc-testkit';
import { setUp } from '../../test/bench.js';
import { Operator } from '../operator/operator.js';

describe('server.state()', () => {
  it('is plain data with these fields, which users may rely on', async () => {
    await using bench = setUp({}, { name: 'blue-1' });
    assert.deepEqual(bench.server.state(), {
      schema: 1,
      instance: 'blue-1',
      status: 'new',
      address: undefined,
      admin: undefined,
      uptimeMs: 0,
      registry: { name: 'memory', status: 'none', error: undefined },
      services: { work: { health: 'serving' } },
      limits: [{ what: 'the server', max: undefined, queue: 0, running: 0, waiting: 0, from: 'options' }],
      rates: [],
      callerLimits: [],
      overload: { turnMs: 100, queue: undefined, from: 'options' },
      rules: {},
      connections: 0,
      calls: { running: 0, waiting: 0, succeeded: 0, late: 0, failed: 0, refused: 0, dropped: 0, builtIn: 0 },
    });
  });

  it('counts calls by how they ended, and those that run or wait', async () => {
    const ends: (() => void)[] = [];
    const run = () => new Promise<void>((resolve) => ends.push(resolve));
    const authorize = ({ method }: { method: string }): void => {
      if (method === 'safe') throw new RpcError('PERMISSION_DENIED', 'not you');
    };
    await using bench = setUp({ run }, { concurrency: { max: 1, queue: 1 }, authorize });
    const calls = Promise.all([bench.work.run(), bench.work.run()]);
    await assert.rejects(bench.work.safe(), { code: 'PERMISSION_DENIED' });
    assert.deepEqual(bench.server.state().calls, {
      running: 1,
      waiting: 1,
      succeeded: 0,
      late: 0,
      failed: 0,
      refused: 1,
      dropped: 0,
      builtIn: 0,
    });
    for (let i = 0; i < 2; i++) {
      ends.shift()!();
      await bench.clock.advance(10);
    }
    await calls;
    assert.deepEqual(bench.server.state().calls, {
      running: 0,
      waiting: 0,
      succeeded: 2,
      late: 0,
      failed: 0,
      refused: 1,
      dropped: 0,
      builtIn: 0,
    });
  });

  it('counts apart what came too late for its caller, and what is no traffic', async () => {
    const ends = new Map<unknown, () => void>();
    const run = (name: unknown) => new Promise<void>((resolve) => void ends.set(name, resolve));
    await using bench = setUp({ run }, { operator: true });
    const late = assert.rejects(bench.work.with({ timeoutMs: 50 }).run('late'), { code: 'DEADLINE_EXCEEDED' });
    const soon = bench.work.run('soon');
    while (ends.size < 2) await bench.clock.advance(1);
    await using tool = connect(bench.server, { clock: bench.clock });
    await tool.service(Operator).report();
    ends.get('soon')!();
    await bench.clock.advance(10);
    await soon;
    await bench.clock.advance(100);
    await late;
    ends.get('late')!();
    await bench.clock.advance(10);
    const { succeeded, late: tooLate, failed, refused, builtIn } = bench.server.state().calls;
    assert.deepEqual([succeeded, tooLate, failed, refused, builtIn], [1, 1, 0, 0, 1]);
  });

  it('counts what its deadline or its caller aborts as late, and not as failed, for those who look as well', async () => {
    const signals: AbortSignal[] = [];
    // As `fetch` and timers of Node.js do it: what they throw is no error of this library.
    const run = (what: unknown) =>
      new Promise<void>((_, reject) => {
        const { signal } = callContext()!;
        signals.push(signal);
        signal.addEventListener('abort', () => reject(what === 'own' ? new Error('half done') : signal.reason));
      });
    await using bench = setUp({ run, tell: () => Promise.reject(new Error('broken')) }, { operator: true });
    await using tool = connect(bench.server, { clock: bench.clock });
    await tool.service(Operator).report();
    const { work, clock, server } = bench;
    const calls = ['own', 'reason'].map((what) => assert.rejects(work.with({ timeoutMs: 50 }).run(what)));
    const giveUp = new AbortController();
    calls.push(assert.rejects(work.with({ signal: giveUp.signal }).run('own')));
    while (signals.length < 3) await clock.advance(1);
    giveUp.abort();
    await clock.advance(100);
    await Promise.all(calls);
    await work.tell('one-way, so it is never late');
    await clock.advance(10);
    const { succeeded, late, failed } = server.state().calls;
    assert.deepEqual([succeeded, late, failed], [0, 3, 1]);
    const { calls: counted } = await tool.service(Operator).report();
    const codes = counted.find(({ method }) => method === 'run')?.errors;
    assert.deepEqual(codes, { DEADLINE_EXCEEDED: 2, CANCELLED: 1 });
  });

  it('says where it stands in its life', async () => {
    await using bench = setUp();
    const statuses: string[] = [bench.server.state().status];
    const listening = bench.server.listen();
    await listening;
    statuses.push(bench.server.state().status, bench.server.state().registry.status);
    const closed = bench.server.close();
    statuses.push(bench.server.state().status);
    await bench.clock.advance(10);
    await closed;
    statuses.push(bench.server.state().status, bench.server.state().registry.status);
    assert.deepEqual(statuses, ['new', 'serving', 'registered', 'draining', 'closed', 'closed']);
  });
});
