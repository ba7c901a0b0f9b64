import assert from 'node:assert/strict';
import { contextKey } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { NO_METADATA } from '../../frames/metadata.js';
import { IncomingCall, type IncomingPort } from './incoming-call.js';

/** A call that came at 1,000 ms with a deadline. */
function scene(deadline: number, flags = 0): { clock: FakeClock; call: IncomingCall } {
  const clock = new FakeClock(1_000);
  const port = {
    peer: { address: 'a:1' },
    now: () => clock.now(),
    atDeadline: (at: number, run: () => void) => clock.schedule(at - clock.now(), run),
    end: () => {},
  } as Partial<IncomingPort> as IncomingPort;
  const entry = { service: 'shop', method: 'buy' };
  return { clock, call: new IncomingCall(port, entry, 7, deadline, flags, 2, 200) };
}

describe('an incoming call', () => {
  it('tells its handler what came with it', () => {
    const { call } = scene(1_500);
    assert.deepEqual(
      [call.service, call.method, call.peer.address, call.deadline, call.attempt, call.priority, call.id],
      ['shop', 'buy', 'a:1', 1_500, 2, 200, 7],
    );
    assert.equal(call.metadata, NO_METADATA);
    assert.deepEqual([call.oneWay, call.idempotent, call.started, call.abandoned], [false, false, false, false]);
  });

  it('reads its flags', () => {
    const flagsOf = (flags: number) => [scene(0, flags).call.oneWay, scene(0, flags).call.idempotent];
    assert.deepEqual(
      [flagsOf(1), flagsOf(2), flagsOf(3), flagsOf(0xf8)],
      [
        [true, false],
        [false, true],
        [true, true],
        [false, false],
      ],
    );
  });

  it('knows how much time is left, never less than nothing', async () => {
    const { clock, call } = scene(1_500);
    assert.equal(call.remainingMs(), 500);
    await clock.advance(600);
    assert.equal(call.remainingMs(), 0);
    assert.equal(scene(Number.POSITIVE_INFINITY).call.remainingMs(), Number.POSITIVE_INFINITY);
  });

  it('is found late without a look at the clock where it had much time and nothing has let it wait', async () => {
    const { clock, call } = scene(1_500);
    let looks = 0;
    const { now } = clock;
    clock.now = () => {
      looks++;
      return now.call(clock);
    };
    call.hasTime = true;
    assert.deepEqual([call.isLate, looks], [false, 0]);
    await clock.advance(600);
    looks = 0;
    // It has waited: much time when it was read says nothing any more.
    call.counted = true;
    assert.deepEqual([call.isLate, looks], [true, 1]);
    call.counted = false;
    assert.equal(call.isLate, false);
    call.hasTime = false;
    assert.deepEqual([call.isLate, looks], [true, 2]);
  });

  it('keeps apart what it says of itself', () => {
    const { call } = scene(1_500, 0xff);
    const names = ['counted', 'admitted', 'started', 'abandoned', 'outlived', 'hasTime'] as const;
    const said = () => names.filter((name) => call[name]);
    for (const [index, name] of names.entries()) {
      call[name] = true;
      assert.deepEqual(said(), names.slice(0, index + 1));
    }
    for (const [index, name] of names.entries()) {
      call[name] = false;
      assert.deepEqual(said(), names.slice(index + 1));
    }
    assert.deepEqual([call.attempt, call.priority], [2, 200]);
  });

  it('sets a timer only for a handler that looks at its signal, and stops it when the call ends', async () => {
    const { clock, call } = scene(1_500);
    assert.equal(clock.pending, 0);
    assert.equal(call.signal, call.signal);
    assert.equal(clock.pending, 1);
    call.end();
    assert.equal(clock.pending, 0);
  });

  it('aborts its signal at the deadline', async () => {
    const { clock, call } = scene(1_500);
    const { signal } = call;
    await clock.advance(499);
    assert.equal(signal.aborted, false);
    await clock.advance(1);
    assert.equal((signal.reason as { code: string }).code, 'DEADLINE_EXCEEDED');
  });

  it('aborts once, with the first reason, and needs no timer then', () => {
    const { clock, call } = scene(1_500);
    const { signal } = call;
    call.abort('first');
    call.abort('second');
    assert.equal(signal.reason, 'first');
    assert.equal(clock.pending, 0);
  });

  it('has an aborted signal when it was aborted before anybody looked', () => {
    const { clock, call } = scene(1_500);
    call.abort('before');
    assert.equal(call.signal.reason, 'before');
    assert.equal(clock.pending, 0);
  });

  it('keeps values by key, not by name', () => {
    const { call } = scene(0);
    const [user, other] = [contextKey<string>('user'), contextKey<string>('user')];
    assert.equal(call.get(user), undefined);
    call.set(user, 'ann');
    assert.deepEqual([call.get(user), call.get(other)], ['ann', undefined]);
  });

  it('has response metadata only when something was put there, without a prototype', () => {
    const { call } = scene(0);
    assert.equal(call.responseMetadataIfAny, undefined);
    call.responseMetadata['zone'] = 'x';
    assert.deepEqual(Object.entries(call.responseMetadataIfAny ?? {}), [['zone', 'x']]);
    assert.equal(Object.getPrototypeOf(call.responseMetadata), null);
  });
});
