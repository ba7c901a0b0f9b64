import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { createRounds, type RoundsOptions } from './rounds.js';

describe('rounds', () => {
  let clock: FakeClock;
  let begun: number[];

  beforeEach(() => {
    clock = new FakeClock();
    begun = [];
  });

  const create = (options: Partial<RoundsOptions> = {}, takesMs = 0): ReturnType<typeof createRounds> =>
    createRounds({
      clock,
      pauseMs: () => 500,
      run: () => {
        begun.push(clock.now());
        return takesMs === 0 ? Promise.resolve() : new Promise((resolve) => clock.schedule(takesMs, resolve));
      },
      ...options,
    });

  it('rest until they are asked for, then go on by themselves', async () => {
    const rounds = create();
    await clock.advance(1_000);
    assert.deepEqual(begun, []);
    await rounds.request();
    await clock.advance(1_000);
    assert.deepEqual(begun, [1_000, 1_500, 2_000]);
  });

  it('end when there is no next time, and begin again when asked', async () => {
    const rounds = create({ pauseMs: () => Number.POSITIVE_INFINITY });
    await rounds.request();
    await clock.advance(10_000);
    assert.equal(clock.pending, 0);
    await rounds.request();
    assert.deepEqual(begun, [0, 10_000]);
  });

  it('never run twice at once: requests during a round share the next one', async () => {
    const rounds = create({}, 20);
    const done: string[] = [];
    void rounds.request().then(() => done.push(`first at ${clock.now()}`));
    await clock.advance(5);
    void rounds.request().then(() => done.push(`second at ${clock.now()}`));
    void rounds.request().then(() => done.push(`third at ${clock.now()}`));
    await clock.advance(60);
    assert.deepEqual(begun, [0, 20]);
    assert.deepEqual(done, ['first at 20', 'second at 40', 'third at 40']);
  });

  it('come soon after a hint, once for many of them', async () => {
    const rounds = create();
    await rounds.request();
    await clock.advance(100);
    for (let hint = 0; hint < 50; hint++) rounds.hint();
    await clock.advance(100);
    assert.deepEqual(begun, [0, 110]);
  });

  it('do not lose a hint that comes during a round', async () => {
    const rounds = create({}, 20);
    void rounds.request();
    await clock.advance(5);
    rounds.hint();
    await clock.advance(55);
    assert.deepEqual(begun, [0, 60]);
  });

  it('leave nine tenths of the time to others when they take long', async () => {
    const rounds = create({}, 1_000);
    void rounds.request();
    await clock.advance(10_000);
    assert.deepEqual(begun, [0, 10_000]);
  });

  it('go on after one that threw, with a warning', async () => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    let failed = false;
    const run = async (): Promise<void> => {
      begun.push(clock.now());
      if (!failed) {
        failed = true;
        throw new Error('a mistake in a round');
      }
    };
    const rounds = create({ run });
    await rounds.request();
    assert.match((await warned).message, /a mistake in a round/);
    await clock.advance(500);
    assert.deepEqual(begun, [0, 500]);
  });

  it('stop: the running one ends, no other begins, and no timer is left', async () => {
    const rounds = create({}, 20);
    void rounds.request();
    await clock.advance(5);
    const following = rounds.request();
    const stopped = rounds.stop();
    await clock.advance(20);
    await Promise.all([stopped, following]);
    rounds.hint();
    await rounds.request();
    await clock.advance(10_000);
    assert.deepEqual(begun, [0]);
    assert.equal(clock.pending, 0);
  });
});
