import assert from 'node:assert/strict';
import { markLate, rpcError } from '@org/rpc-core/internal';
import { aCall } from '../../test/picker-scene.js';
import { noteSilence, standingStill } from './silence.js';

const late = () => rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' });

/** Lets an attempt of a call end at 400 ms, after 300 ms, at a node that was last heard of then. */
function end(root = aCall(), error = late(), heardAt: number | undefined = 90) {
  const attempt = root.nextAttempt(1);
  const destination = { address: 'h:1', heardAt };
  Object.assign(attempt, { startedAt: 100, endedAt: 400, destination });
  noteSilence(attempt, error);
  return { root, destination };
}

describe('nodes that stand still', () => {
  it('have said nothing since they were given the call, or only at once', () => {
    const { root } = end();
    end(root, late(), 120);
    assert.equal(standingStill(root), 2);
    assert.equal(standingStill(end(aCall(), late(), 380).root), 0);
  });

  it('stand still no more when they say that they live', () => {
    const { root, destination } = end();
    destination.heardAt = 410;
    assert.equal(standingStill(root), 0);
  });

  it('are those too whose connection was lost, whatever is there now', () => {
    const lost = rpcError('UNAVAILABLE', 'reset', { progress: 'maybe-processed' });
    lost.lost = true;
    const { root, destination } = end(aCall(), lost, 399);
    destination.heardAt = 5_000;
    assert.equal(standingStill(root), 1);
  });

  it('are none where silence says nothing', () => {
    const own = late();
    markLate(own);
    const unsent = rpcError('DEADLINE_EXCEEDED', 'full', { progress: 'unsent' });
    const answer = rpcError('UNAVAILABLE', 'no', { progress: 'maybe-processed' });
    for (const error of [own, unsent, answer]) assert.equal(standingStill(end(aCall(), error).root), 0);
    assert.equal(standingStill(end(aCall(), late(), Number.POSITIVE_INFINITY).root), 0);
  });
});
