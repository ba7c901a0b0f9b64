import assert from 'node:assert/strict';
import { HeldMemory } from './held-memory.js';

const MIB = 1024 * 1024;

describe('what all connections of a server hold together', () => {
  it('may be held by one alone, up to the bound', () => {
    const memory = new HeldMemory(10 * MIB);
    memory.opened();
    const one = memory.holding();
    assert.ok(one.hasRoom(10 * MIB));
    one.add(8 * MIB);
    assert.ok(!one.hasRoom(3 * MIB));
    one.add(-8 * MIB);
    assert.deepEqual([memory.bytes, one.bytes, one.hasRoom(10 * MIB)], [0, 0, true]);
  });

  it('leaves each an equal share when others hold all of it', () => {
    const memory = new HeldMemory(10 * MIB);
    for (let each = 0; each < 10; each++) memory.opened();
    const greedy = memory.holding();
    const modest = memory.holding();
    greedy.add(10 * MIB);
    assert.ok(!greedy.hasRoom(1));
    assert.ok(modest.hasRoom(MIB));
    modest.add(MIB);
    assert.ok(!modest.hasRoom(1));
    greedy.add(-5 * MIB);
    assert.ok(modest.hasRoom(4 * MIB));
  });

  it('leaves each 64 KiB however many there are, and more again when they have gone', () => {
    const memory = new HeldMemory(10 * MIB);
    for (let each = 0; each < 10_000; each++) memory.opened();
    memory.holding().add(10 * MIB);
    const late = memory.holding();
    assert.ok(late.hasRoom(65_536));
    assert.ok(!late.hasRoom(65_537));
    for (let each = 0; each < 9_995; each++) memory.closed();
    assert.ok(late.hasRoom(2 * MIB));
  });
});
