import assert from 'node:assert/strict';
import { describeWorkerEvent } from './worker-event.js';

describe('what people read of workers', () => {
  const crash = { type: 'crashed', worker: 2, pid: 7, code: 3, signal: null, restartMs: 80.2, crashes: 1 } as const;

  it('is how one ended and what comes next, and that it is a loop when it is one', () => {
    assert.equal(describeWorkerEvent(crash), 'worker 2 (process 7) ended with code 3, another is started in 81 ms');
    assert.equal(
      describeWorkerEvent({ ...crash, code: null, signal: 'SIGSEGV', restartMs: 3_200, crashes: 5 }),
      'worker 2 (process 7) was ended by SIGSEGV, another is started in 4 s: 5 times in a row, so it does not come up by itself; see what it wrote last',
    );
  });

  it('is nothing of what goes as it should, but of a reload', () => {
    assert.equal(describeWorkerEvent({ type: 'listening', worker: 1, pid: 7 }), undefined);
    assert.match(describeWorkerEvent({ type: 'reloaded' })!, /new workers serve/);
    assert.match(describeWorkerEvent({ type: 'reloadFailed', error: new Error('why') })!, /those that run go on: why/);
    const failed = { type: 'orderFailed', worker: 1, pid: 7, order: 'update', error: new Error('why') } as const;
    assert.match(describeWorkerEvent(failed)!, /\(process 7\) did not do what server\.update says: why/);
    assert.match(describeWorkerEvent({ type: 'killed', worker: 1, pid: 7 })!, /was killed/);
  });
});
