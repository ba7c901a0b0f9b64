import assert from 'node:assert/strict';
import { createWorld } from '../../test/world.js';
import { EtcdError, type EtcdErrorKind } from './etcd-port.js';

describe('the end of a silence of etcd', () => {
  const unavailable = new EtcdError('unavailable', 'refused');
  const HOUR_MS = 3_600_000;

  /** A world in which these waits of an hour are scheduled after a failure of this kind; `runs` tells when they ended. */
  function wait(kind: EtcdErrorKind, waits = 1) {
    const world = createWorld();
    const runs: number[] = [];
    const { holder } = world.environment;
    const { clock } = world;
    world.etcd.fault = () => unavailable;
    const retries = Array.from({ length: waits }, () =>
      holder.retry(new EtcdError(kind, 'no'), HOUR_MS, () => void runs.push(clock.now())),
    );
    return { ...world, holder, runs, retries };
  }

  for (const kind of ['unavailable', 'deadline'] as const)
    it(`ends a long wait after ${kind} within 1 s`, async () => {
      const { clock, etcd, holder, runs } = wait(kind);
      await clock.advance(600_000);
      assert.deepEqual(runs, []);
      etcd.fault = () => undefined;
      await clock.advance(1_000);
      assert.equal(runs.length, 1);
      holder.close();
      assert.equal(clock.pending, 0);
    });

  it('is also told by an answer that is a refusal', async () => {
    const { clock, etcd, runs } = wait('unavailable');
    etcd.fault = () => new EtcdError('denied', 'permission denied');
    await clock.advance(1_000);
    assert.equal(runs.length, 1);
  });

  it('is looked for once for all that wait, at most every 500 ms, and they all run', async () => {
    const { clock, etcd, runs } = wait('unavailable', 100);
    await clock.advance(60_000);
    const gaps = etcd.probes.slice(3).map((time, index) => time - etcd.probes[index + 2]!);
    assert.ok(gaps.length > 55 && Math.min(...gaps) >= 500 && Math.max(...gaps) <= 1_000, gaps.join());
    etcd.fault = () => undefined;
    await clock.advance(1_000);
    assert.equal(runs.length, 100);
  });

  it('is looked for by one read at a time while etcd hangs', async () => {
    const { clock, etcd, runs } = wait('deadline');
    etcd.fault = () => 'hang';
    await clock.advance(60_000);
    assert.ok(etcd.probes.length < 20, `${etcd.probes.length} reads, each of which waits for its deadline`);
    assert.deepEqual(runs, []);
  });

  it('shortens no wait after a wrong password, each try of which is dear to etcd', async () => {
    const { clock, etcd, runs } = wait('unauthenticated');
    etcd.fault = () => undefined;
    await clock.advance(HOUR_MS - 1);
    assert.deepEqual([runs.length, etcd.calls.length, etcd.probes.length], [0, 0, 0]);
    await clock.advance(1);
    assert.equal(runs.length, 1);
  });

  it('is looked for no longer than anybody waits', async () => {
    const { clock, etcd, retries, runs } = wait('unavailable', 2);
    for (const cancel of retries) cancel();
    await clock.advance(HOUR_MS);
    assert.deepEqual([runs.length, etcd.probes.length, clock.pending], [0, 0, 0]);
  });

  it('is not waited for any longer than the wait was to last', async () => {
    const { clock, runs } = wait('unavailable');
    await clock.advance(HOUR_MS);
    assert.deepEqual(runs, [HOUR_MS]);
    assert.equal(clock.pending, 0);
  });
});

describe('the end of a refusal by etcd', () => {
  const denied = new EtcdError('denied', 'permission denied');

  function wait() {
    const world = createWorld();
    let runs = 0;
    world.environment.holder.retry(denied, 3_600_000, () => void runs++);
    return { ...world, runs: () => runs };
  }

  it('ends a long wait within 1 s of the moment at which what is needed may be read', async () => {
    const { clock, etcd, runs } = wait();
    etcd.fault = (call) => (call === 'range' ? denied : undefined);
    await clock.advance(600_000);
    assert.equal(runs(), 0);
    etcd.fault = () => undefined;
    await clock.advance(1_000);
    assert.equal(runs(), 1);
  });

  it('is not seen in a read that was never refused: what was refused was something else', async () => {
    const { clock, etcd, runs } = wait();
    await clock.advance(600_000);
    assert.deepEqual([runs(), etcd.calls], [0, ['range']]);
  });
});
