import assert from 'node:assert/strict';
import { ItemBacklog } from './item-backlog.js';

function add(backlog: ItemBacklog, text: string, isCompressed = false): void {
  const bytes = Buffer.from(`..${text}.`);
  backlog.add(bytes, 2, bytes.length - 1, isCompressed);
}

function take(backlog: ItemBacklog): string {
  const { bytes, start, end } = backlog.take();
  return bytes.toString('utf8', start, end);
}

describe('the backlog of a stream', () => {
  it('gives what was added in its order, whatever its size', () => {
    const backlog = new ItemBacklog();
    const texts = ['', 'a', 'b'.repeat(300), 'c'.repeat(40_000), '', 'd'.repeat(16_380), 'e'];
    for (const text of texts) add(backlog, text);
    assert.deepEqual(
      texts.map(() => take(backlog)),
      texts,
    );
    assert.ok(backlog.isEmpty);
  });

  it('gives what was added while some was taken', () => {
    const backlog = new ItemBacklog();
    const taken: string[] = [];
    for (let i = 0; i < 5_000; i++) {
      add(backlog, `item ${i}`);
      if (i % 3 > 0) taken.push(take(backlog));
    }
    while (!backlog.isEmpty) taken.push(take(backlog));
    assert.deepEqual(
      taken,
      Array.from({ length: 5_000 }, (_, i) => `item ${i}`),
    );
  });

  it('keeps an item that has its memory for itself where it is, in its order among the others', () => {
    const backlog = new ItemBacklog();
    const own = Buffer.from('....own');
    for (let i = 0; i < 3; i++) {
      add(backlog, `a${i}`);
      backlog.keep(own, 4, 7, i === 1);
      add(backlog, `b${i}`);
    }
    assert.equal(take(backlog), 'a0');
    assert.deepEqual(backlog.take(), { bytes: own, start: 4, end: 7, isCompressed: false, mayKeep: true });
    const [item] = [backlog.take()];
    assert.deepEqual([item.bytes.toString('utf8', item.start, item.end), item.mayKeep], ['b0', false]);
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6].map(() => take(backlog)),
      ['a1', 'own', 'b1', 'a2', 'own', 'b2'],
    );
    assert.ok(backlog.isEmpty);
    backlog.keep(own, 4, 7, false);
    backlog.dropLast();
    assert.ok(backlog.isEmpty);
    add(backlog, 'c');
    backlog.keep(own, 4, 7, false);
    backlog.dropLast();
    assert.equal(take(backlog), 'c');
  });

  it('says which items are compressed', () => {
    const backlog = new ItemBacklog();
    for (const isCompressed of [true, false, true]) add(backlog, 'x', isCompressed);
    assert.deepEqual(
      [1, 2, 3].map(() => backlog.take().isCompressed),
      [true, false, true],
    );
  });

  it('takes back the last one', () => {
    const backlog = new ItemBacklog();
    add(backlog, 'a');
    backlog.dropLast();
    assert.ok(backlog.isEmpty);
    for (const text of ['a', 'b'.repeat(500), 'c'.repeat(20_000)]) add(backlog, text);
    backlog.dropLast();
    assert.equal(take(backlog), 'a');
    add(backlog, 'd');
    backlog.dropLast();
    assert.equal(take(backlog), 'b'.repeat(500));
    assert.ok(backlog.isEmpty);
    add(backlog, 'e');
    add(backlog, 'f');
    assert.equal(take(backlog), 'e');
    backlog.dropLast();
    assert.ok(backlog.isEmpty);
  });

  it('holds nothing of what was borrowed', () => {
    const backlog = new ItemBacklog();
    const bytes = Buffer.from('abc');
    backlog.add(bytes, 0, 3, false);
    bytes.fill(0);
    assert.equal(take(backlog), 'abc');
  });
});
