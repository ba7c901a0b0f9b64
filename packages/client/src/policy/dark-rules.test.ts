import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { judgeThrottle } from './dark-rules.js';
import { foldPolicies } from './fold.js';

describe('a dark rule of the throttle', () => {
  const inForce = foldPolicies({ service: 'shop', method: 'buy', isStream: false, sources: [] }, undefined);
  const view = { isStream: false, hasOwnTimeout: false, inForce };
  const refused = rpcError('RESOURCE_EXHAUSTED', 'not sent', { progress: 'unsent' });
  const judge = (share: number, wanted: number, chance: number, outcome: typeof refused | undefined) =>
    judgeThrottle(outcome, view, { multiplier: 1 }, { share, shareBy: () => wanted }, () => chance);

  it('would have refused the share that is more', () => {
    assert.equal(judge(0.2, 0.5, 0.29, undefined), 'it would have been refused here');
    assert.equal(judge(0.2, 0.5, 0.31, undefined), undefined);
  });

  it('would have let pass some of what was refused', () => {
    assert.equal(judge(0.5, 0, 0.4, refused), 'it would not have been refused here');
    assert.equal(judge(0.5, 0, 0.4, undefined), undefined);
  });

  it('says nothing where it is the same', () => assert.equal(judge(0.5, 0.5, 0, refused), undefined));
});
