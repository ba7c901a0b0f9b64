import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ProtocolError } from '../../frames/frame.js';
import { CREDIT_MAX, itemCost } from '../../frames/stream-frames.js';
import { ReceiveCredit, SendCredit } from './credit.js';

const WINDOW = 1_000;

describe('credit', () => {
  it('never lets more than the largest window and one item be under way, never stands still, and is given back exactly', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), cost: fc.integer({ min: 1, max: 3 * WINDOW }) }),
      fc.record({ kind: fc.constantFrom('arrive' as const, 'take' as const, 'grant' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(1, 3, 4), (steps, factor) => {
        const windowMax = factor * WINDOW;
        const sender = new SendCredit(WINDOW);
        const receiver = new ReceiveCredit(WINDOW, { windowMax });
        const wire: number[] = [];
        const waiting: number[] = [];
        const grants: number[] = [];
        let taken = 0;
        const take = (): void => {
          const cost = waiting.shift()!;
          taken += cost;
          const grant = receiver.taken(cost);
          if (grant > 0) grants.push(grant);
        };
        let sent = 0;
        let granted = 0;
        for (const now of steps) {
          if (now.kind === 'send' && sender.isOpen) {
            // The model: bytes sent and not granted back.
            assert.ok(sent - granted < WINDOW);
            assert.ok(sent - taken < windowMax);
            sender.take(now.cost);
            wire.push(now.cost);
            sent += now.cost;
          } else if (now.kind === 'arrive' && wire.length > 0) {
            const cost = wire.shift()!;
            receiver.receive(cost, 'a stream');
            waiting.push(cost);
          } else if (now.kind === 'take' && waiting.length > 0) take();
          else if (now.kind === 'grant' && grants.length > 0) {
            const grant = grants.shift()!;
            granted += grant;
            sender.grant(grant);
          }
          assert.equal(sender.isOpen, sent - granted < WINDOW);
        }
        for (const cost of wire.splice(0)) {
          receiver.receive(cost, 'a stream');
          waiting.push(cost);
        }
        while (waiting.length > 0) take();
        for (const grant of grants) sender.grant(grant);
        assert.ok(sender.isOpen, 'everything was taken, and nothing may be sent');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is a mistake of the peer when it sends beyond it', () => {
    const receiver = new ReceiveCredit(WINDOW);
    receiver.receive(WINDOW, 'stream 1');
    assert.throws(() => receiver.receive(1, 'stream 1'), /an ITEM beyond the credit of 1000 bytes of stream 1/);
  });

  it('lets one item pass that is larger than the window', () => {
    const receiver = new ReceiveCredit(WINDOW);
    receiver.receive(10 * WINDOW, 'stream 1');
    assert.equal(receiver.taken(10 * WINDOW), 10 * WINDOW);
    receiver.receive(1, 'stream 1');
  });

  it('is granted back at a quarter of the window', () => {
    const receiver = new ReceiveCredit(WINDOW);
    assert.deepEqual(
      [249, 1, 249, 2].map((cost) => receiver.taken(cost)),
      [0, 250, 0, 251],
    );
  });

  it('grows to the largest window for a reader that keeps up, and shrinks for one that has fallen behind', () => {
    const receiver = new ReceiveCredit(WINDOW, { windowMax: 3 * WINDOW });
    let credit = WINDOW;
    const come = (cost: number): void => {
      receiver.receive(cost, 'stream 1');
      credit -= cost;
    };
    const grants = (items: number, cost: number): number[] =>
      Array.from({ length: items }, () => receiver.taken(cost)).filter((grant) => grant > 0);
    const passed: number[] = [];
    for (let i = 0; i < 40; i++) {
      come(250);
      passed.push(...grants(1, 250));
    }
    credit += passed.reduce((sum, grant) => sum + grant, 0);
    // The first grant of the largest window comes when a quarter of it was taken.
    assert.deepEqual(passed.slice(0, 9), [250, 250, 250, 250 + WINDOW, 500, 500, 500, 500 + WINDOW, 750]);
    assert.ok(credit > 2 * WINDOW && credit <= 3 * WINDOW, String(credit));

    let waiting = 0;
    for (; credit > 0; waiting++) come(250);
    const late = grants(waiting, 250);
    // Once all is taken, one window is open again, with less than a quarter of it still to be granted.
    credit += late.reduce((sum, grant) => sum + grant, 0);
    assert.ok(Math.max(...late) <= 500 && credit > (3 * WINDOW) / 4 && credit <= WINDOW, `${late} ${credit}`);
  });

  it('stays what it is for a reader that takes as slowly as it gets', () => {
    const receiver = new ReceiveCredit(WINDOW, { windowMax: 4 * WINDOW });
    receiver.receive(250, 'stream 1');
    receiver.receive(250, 'stream 1');
    for (let i = 0; i < 50; i++) {
      receiver.receive(250, 'stream 1');
      assert.equal(receiver.taken(250), 250);
    }
  });

  it('is lent for what nobody takes once little is left, up to a bound, and paid back by what is taken', () => {
    const receiver = new ReceiveCredit(WINDOW);
    const come = (cost: number): number => {
      receiver.receive(cost, 'the connection');
      return receiver.lend(cost, 2 * WINDOW);
    };
    assert.deepEqual([700, 50, 100, 600, 800, 700].map(come), [0, 0, 100, 600, 800, 0]);
    assert.throws(() => come(1), /beyond the credit/);
  });

  it('is what it was once all is taken that was lent for', () => {
    const receiver = new ReceiveCredit(WINDOW);
    let granted = 0;
    for (let i = 0; i < 30; i++) {
      receiver.receive(100, 'the connection');
      granted += receiver.lend(100, 100 * WINDOW);
    }
    for (let i = 0; i < 30; i++) granted += receiver.taken(100);
    assert.ok(granted <= 3_000 && granted > 3_000 - WINDOW / 4, String(granted));
  });

  it('refuses a grant that overflows', () => {
    const sender = new SendCredit(WINDOW);
    sender.grant(CREDIT_MAX - WINDOW);
    assert.throws(() => sender.grant(1), ProtocolError);
  });

  it('charges something for an empty item', () => {
    assert.deepEqual([itemCost(0), itemCost(1), itemCost(70_000)], [1, 1, 70_000]);
  });
});
