import assert from 'node:assert/strict';
import { encoded } from '../../test/codec-helpers.js';
import { LearnedShapes, type Shape, slotOf } from './learned-shapes.js';

/** Where the first key of a map of fewer than 16 begins. */
const FIRST_KEY = 1;

describe('LearnedShapes', () => {
  const slot = (map: object): number => slotOf(encoded(map), FIRST_KEY, Object.keys(map).length);
  const note = (shapes: LearnedShapes, map: Record<string, unknown>, times = 1): void => {
    for (let i = 0; i < times; i++) shapes.note(slot(map), map, Object.keys(map).length);
  };
  const keys = (shape: Shape | undefined): unknown => shape?.fields.map(({ key }) => key);
  /** Maps that all have a shape of their own. */
  const many = Array.from({ length: 1_000 }, (_, i) => ({ [`k${i}`]: 1, ...Object.fromEntries(rows(i % 9)) }));

  function rows(count: number): [string, unknown][] {
    return Array.from({ length: count }, (_, i) => [`row-${i}`, i]);
  }

  it('knows the keys of a map after some that were like it', () => {
    const shapes = new LearnedShapes(3);
    const map = { id: 1, name: 'x', tags: [] };
    note(shapes, map, 2);
    assert.equal(shapes.at(slot(map)), undefined);
    note(shapes, map);
    assert.deepEqual(keys(shapes.at(slot(map))), ['id', 'name', 'tags']);
  });

  it('keeps keys as they are on the wire, in words of four bytes of which the last may overlap', () => {
    const shapes = new LearnedShapes(1);
    const map = { abcd: 1, x: 1, abcdefg: 1 };
    note(shapes, map);
    const { fields, words } = shapes.at(slot(map))!;
    const bytes = Buffer.alloc(4 * words.length);
    words.forEach((word, i) => {
      bytes.writeInt32BE(word, 4 * i);
    });
    assert.equal(bytes.toString('latin1'), '\xa4abcabcd' + '\xa1x\0\0' + '\xa7abcdefg');
    assert.deepEqual(
      fields.map(({ byteLength, firstWord }) => [byteLength, firstWord]),
      [
        [5, 0],
        [2, 2],
        [8, 3],
      ],
    );
  });

  it('does not learn a map in which a key came twice', () => {
    const shapes = new LearnedShapes(1);
    const map = { id: 1 };
    for (let i = 0; i < 10; i++) shapes.note(slot(map), map, 2);
    assert.equal(shapes.at(slot(map)), undefined);
  });

  it('forgets a shape that is no longer sent for another that is', () => {
    const shapes = new LearnedShapes(1);
    const [before, after] = [
      { id: 1, old: 1 },
      { id: 1, young: 1 },
    ];
    assert.equal(slot(before), slot(after));
    note(shapes, before);
    note(shapes, after, 249);
    assert.deepEqual(keys(shapes.at(slot(after))), ['id', 'old']);
    note(shapes, after, 2);
    assert.deepEqual(keys(shapes.at(slot(after))), ['id', 'young']);
  });

  it('keeps no more than 256 keys, and learns on when something was forgotten', () => {
    const shapes = new LearnedShapes(1);
    const kept = (): number =>
      Array.from({ length: 64 }, (_, i) => shapes.at(i)?.fields.length ?? 0).reduce((a, b) => a + b);
    const slots = many.map((map) => [map, slot(map)] as const);
    const seen = new Set<string>();
    for (let round = 0; round < 40; round++) {
      for (const [map, at] of slots) shapes.note(at, map, Object.keys(map).length);
      assert.ok(kept() <= 256 && kept() > 128, String(kept()));
      seen.add(JSON.stringify(Array.from({ length: 64 }, (_, i) => keys(shapes.at(i)))));
    }
    assert.ok(seen.size > 2);
  });
});
