import assert from 'node:assert/strict';
import type { Code, RpcError, ThrottleOptions } from '@org/rpc-core';
import { markLate, POLICIES, resolvePolicy, rpcError } from '@org/rpc-core/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { aCall } from '../../test/picker-scene.js';
import { foldForCall } from './fold.js';
import { Throttle } from './throttle.js';

const METHOD = { service: 'shop', method: 'buy', isStream: false, sources: [] };

function overloaded(): RpcError {
  return rpcError('RESOURCE_EXHAUSTED', 'busy', { progress: 'refused' });
}

class Scene {
  readonly clock = new FakeClock(1_000);
  readonly throttle: Throttle;
  options: ThrottleOptions | false | undefined;

  constructor(options?: ThrottleOptions | false) {
    this.options = options;
    this.throttle = new Throttle({
      now: () => resolvePolicy('test', POLICIES.throttle, this.options),
      clock: this.clock,
      random: seededRandom(1),
    });
  }

  /** Makes so many calls, which the servers end like this. @returns those that were refused here */
  calls(count: number, outcome?: () => RpcError | undefined): RpcError[] {
    const refused: RpcError[] = [];
    for (let i = 0; i < count; i++) {
      const call = aCall();
      const refusal = this.throttle.enter(call);
      if (refusal === undefined) this.throttle.settle(call, outcome?.());
      else refused.push(refusal);
    }
    return refused;
  }
}

describe('the throttle', () => {
  it('refuses nothing, and counts nothing, where servers take what they are sent', () => {
    const scene = new Scene();
    assert.deepEqual([scene.calls(10_000).length, scene.throttle.share], [0, 0]);
    // One that is refused now is the first of a hundred.
    assert.equal(scene.calls(1, overloaded).length, 0);
    assert.equal(scene.throttle.share, 0);
  });

  it('refuses what is beyond twice what servers take', () => {
    const scene = new Scene();
    let turn = 0;
    scene.calls(100, () => (++turn % 4 === 0 ? undefined : overloaded()));
    assert.ok(scene.throttle.share > 0.4 && scene.throttle.share < 0.6, `${scene.throttle.share}`);
    const [error] = scene.calls(100, overloaded);
    assert.deepEqual([error?.code, error?.progress], ['RESOURCE_EXHAUSTED', 'unsent']);
    assert.match(error!.message, /servers refuse most calls of shop\.buy, and \d\d % of them are refused here/);
  });

  it('lets pass a call that has asked for it, and counts it', () => {
    const scene = new Scene();
    scene.calls(1_000, overloaded);
    const before = scene.throttle.share;
    for (let i = 0; i < 100; i++) {
      const call = aCall();
      call.own = foldForCall({ throttle: false }, METHOD, undefined);
      assert.equal(scene.throttle.enter(call), undefined);
      scene.throttle.settle(call, undefined);
    }
    assert.ok(scene.throttle.share < before, `${before}, then ${scene.throttle.share}`);
  });

  it('never refuses all', () => {
    const scene = new Scene();
    const refused = scene.calls(5_000, overloaded).length;
    assert.ok(scene.throttle.share === 0.9 && refused > 4_000 && refused < 4_600, `${refused}`);
    scene.options = { maxPercent: 50 };
    assert.equal(scene.throttle.share, 0.5);
  });

  it('leaves a partial trouble alone: one of three servers that refuses', () => {
    const scene = new Scene();
    let turn = 0;
    assert.equal(scene.calls(3_000, () => (turn++ % 3 === 0 ? overloaded() : undefined)).length, 0);
  });

  it('counts what got no answer, and not what handlers answer, nodes break, callers cancel or this process missed', () => {
    const error = (code: Code, progress: RpcError['progress']) => () => rpcError(code, 'scripted', { progress });
    const late = (): RpcError => {
      const expired = rpcError('DEADLINE_EXCEEDED', 'late', { progress: 'maybe-processed' });
      markLate(expired);
      return expired;
    };
    const refusing = (outcome: () => RpcError): boolean => new Scene().calls(1_000, outcome).length > 0;
    assert.equal(refusing(error('DEADLINE_EXCEEDED', 'maybe-processed')), true);
    assert.equal(refusing(error('DEADLINE_EXCEEDED', 'refused')), true);
    assert.equal(refusing(error('NOT_FOUND', 'processed')), false);
    assert.equal(refusing(error('INTERNAL', 'processed')), false);
    assert.equal(refusing(error('UNAVAILABLE', 'maybe-processed')), false);
    assert.equal(refusing(error('CANCELLED', 'maybe-processed')), false);
    assert.equal(refusing(error('RESOURCE_EXHAUSTED', 'unsent')), false);
    assert.equal(refusing(late), false);
  });

  it('lets up within seconds when servers take all again, and forgets in half a minute', async () => {
    const scene = new Scene();
    for (let second = 0; second < 30; second++) {
      scene.calls(100, overloaded);
      await scene.clock.advance(1_000);
    }
    assert.equal(scene.throttle.share, 0.9);
    let refused = 0;
    for (let second = 0; second < 10; second++) {
      refused = scene.calls(100).length;
      await scene.clock.advance(1_000);
    }
    assert.equal(refused, 0);
    await scene.clock.advance(30_000);
    scene.calls(1);
    assert.equal(scene.throttle.share, 0);
    assert.equal(scene.calls(50, overloaded).length, 0);
  });

  it('refuses nothing where it is off', () => {
    assert.equal(new Scene(false).calls(1_000, overloaded).length, 0);
  });
});
