import assert from 'node:assert/strict';
import type { MethodRef } from '@org/rpc-core';
import { Failing } from './failing.js';
import { MethodFaults } from './method-faults.js';
import { methodKey } from './method-key.js';

const peers = { random: () => 0.5, size: 1, started: 0 };

function ref(method: string): MethodRef {
  return { service: 'shop', method, wireName: new Uint8Array() };
}

function failingSince(method: MethodRef, at: number): Failing {
  const failing = new Failing(peers, at);
  failing.add(method, at);
  return failing;
}

describe('methods that fail at a node that works', () => {
  it('are known for a minute after they work again, so that the next failure is their own', () => {
    const faults = new MethodFaults();
    const buy = ref('buy');
    faults.add(methodKey(buy), failingSince(buy, 0), 400, 0);
    assert.deepEqual([faults.isFailing, [...faults.failing()].map(({ method }) => method)], [true, ['buy']]);
    faults.recover(faults.find(buy)!, 1_000);
    assert.deepEqual([faults.isFailing, faults.find(buy)!.ms, faults.size], [false, 0, 1]);
    faults.fail(faults.find(buy)!, buy, 2_000, () => new Failing(peers, 2_000));
    assert.deepEqual([faults.isFailing, faults.find(buy)!.failing!.failures], [true, 1]);
    faults.recover(faults.find(buy)!, 3_000);
    faults.prune(60_000);
    assert.equal(faults.size, 1);
    faults.prune(75_000);
    assert.equal(faults.size, 0);
  });

  it('are forgotten when nobody has called them for ten minutes', () => {
    const faults = new MethodFaults();
    const buy = ref('buy');
    faults.add(methodKey(buy), failingSince(buy, 0), 400, 0);
    faults.prune(590_000);
    assert.equal(faults.isFailing, true);
    faults.prune(610_000);
    assert.deepEqual([faults.isFailing, faults.size], [false, 0]);
  });

  it('are a thousand at most', () => {
    const faults = new MethodFaults();
    for (let i = 0; i < 1_500; i++) faults.add(`shop m${i}`, failingSince(ref(`m${i}`), i), 1, i);
    assert.deepEqual([faults.size, [...faults.failing()].length], [1_000, 1_000]);
    assert.equal(faults.find(ref('m0')), undefined);
    faults.add('shop m1400', failingSince(ref('m1400'), 2_000), 1, 2_000);
    assert.equal(faults.size, 1_000);
  });
});
