import assert from 'node:assert/strict';
import { problemsOf, runSoak, type SoakResult } from './soak.js';

describe('the soak of registry and client', function () {
  this.timeout(120_000);
  let result: SoakResult;

  before(async () => {
    const progress = (): void => undefined;
    result = await runSoak({ minutes: 0.2, clients: 2, services: 2, changes: 200, restSeconds: 1, seed: 1, progress });
  });

  it('hears of every change on one connection, lists when it is due, and loses no call to a deploy', () => {
    const { changes, unheard, delaysMs, extraLists, complaints, extraConnections, calls } = result;
    assert.equal(unheard, 0);
    assert.ok(changes > 100 && delaysMs.length === 2 * changes, `${changes} changes, told ${delaysMs.length} times`);
    assert.deepEqual([extraLists, complaints, extraConnections], [[], [], 0]);
    assert.deepEqual(calls.failures, []);
    assert.ok(calls.made > 100, `${calls.made} calls`);
  });

  it('names each promise that was broken', () => {
    const calls = { ...result.calls, failures: [] };
    const good = { ...result, ownDelaysMs: [199], calls };
    assert.deepEqual(problemsOf(good), []);
    const bad = {
      ...good,
      ownDelaysMs: [201],
      unheard: 2,
      extraLists: ['k'],
      complaints: ['lost: x'],
      extraConnections: 3,
    };
    assert.deepEqual(problemsOf(bad), [
      '1 changes were heard later than 200 ms',
      '2 changes were not heard at all',
      '1 lists were none of the periodic ones: k',
      '3 connections were opened after the first',
      '1 events tell of trouble: lost: x',
    ]);
  });
});
