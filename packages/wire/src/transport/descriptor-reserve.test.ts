import assert from 'node:assert/strict';
import { DescriptorReserve } from './descriptor-reserve.js';

/** A process with so many descriptors. */
function processOf(count: number, code = 'EMFILE') {
  const taken = new Set<number>();
  const port = {
    open(): number {
      for (let i = 0; i < count; i++) {
        if (taken.has(i)) continue;
        taken.add(i);
        return i;
      }
      throw Object.assign(new Error(code), { code });
    },
    close: (descriptor: number) => assert.ok(taken.delete(descriptor)),
  };
  return { taken, port };
}

describe('the reserve of descriptors', () => {
  it('is four, and what is asked for beside them is given back at once', () => {
    const { taken, port } = processOf(6);
    const reserve = new DescriptorReserve(port).fill();
    assert.deepEqual([taken.size, reserve.hasRoom(), taken.size], [4, true, 4]);
    port.open();
    port.open();
    assert.equal(reserve.hasRoom(), false);
    reserve.close();
    assert.equal(taken.size, 2);
  });

  it('is lent for as long as somebody is told, and taken again after that', () => {
    const { taken, port } = processOf(4);
    const reserve = new DescriptorReserve(port).fill();
    const lent = Array.from({ length: 5 }, () => reserve.lend());
    assert.deepEqual(
      lent.map((each) => each === undefined),
      [false, false, false, false, true],
    );
    assert.deepEqual([taken.size, reserve.hasRoom()], [0, true]);
    for (const giveBack of lent) giveBack?.();
    assert.deepEqual([taken.size, reserve.hasRoom()], [4, false]);
    const giveBack = reserve.lend();
    reserve.close();
    giveBack?.();
    assert.equal(taken.size, 0);
  });

  it('takes what there is, and no other error for a lack of descriptors', () => {
    const few = processOf(2);
    new DescriptorReserve(few.port).fill();
    assert.equal(few.taken.size, 2);
    assert.equal(new DescriptorReserve(processOf(0, 'EACCES').port).fill().hasRoom(), true);
  });
});
