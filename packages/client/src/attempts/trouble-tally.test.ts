import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import { aCall } from '../../test/picker-scene.js';
import { TroubleTally } from './trouble-tally.js';

describe('the tally of what goes wrong', () => {
  it('has a bound, beyond which only methods and instances are not told apart', () => {
    const tally = new TroubleTally('till');
    for (let n = 0; n < 2_000; n++)
      tally.repeated('retried', { service: 'shop', method: `m${n}`, endpoint: `h:${n}`, code: 'UNAVAILABLE' });
    tally.repeated('hedged', { service: 'shop', method: 'find', endpoint: 'h:1' });
    const told = tally.tell();
    assert.ok(told.length <= 310, String(told.length));
    assert.equal(
      told.reduce((sum, { count }) => sum + count, 0),
      2_001,
    );
    assert.equal(told.find(({ method: name, what }) => name === '' && what === 'retried')!.count, 1_700);
  });

  it('tells apart what handlers have waited for', () => {
    const tally = new TroubleTally('till');
    for (const method of ['take', 'take', 'find']) {
      const downstream = { service: 'stock', method, instance: 'stock-2' };
      const error = rpcError('DEADLINE_EXCEEDED', 'late', { progress: 'maybe-processed' });
      error.spent = { totalMs: 9, phases: { downstream: 9 }, culprit: 'downstream', endpoint: 'h:1', downstream };
      tally.failed(aCall(), error);
    }
    assert.deepEqual(
      tally.tell().map(({ culprit, downstream, endpoint, count }) => [culprit, downstream?.method, endpoint, count]),
      [
        ['downstream', 'take', 'h:1', 2],
        ['downstream', 'find', 'h:1', 1],
      ],
    );
  });
});
