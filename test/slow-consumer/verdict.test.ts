import assert from 'node:assert/strict';
import type { BenchReport } from './processes.js';
import { slope, verdict } from './verdict.js';

const MIB = 1024 * 1024;

/** A report for each second of a run in which nothing goes wrong, unless something is changed. */
function reports(change: (second: number) => { rssBytes?: number; slow?: number; frozen?: number } = () => ({})) {
  return Array.from({ length: 20 }, (_, second): BenchReport => {
    const { rssBytes = 100 * MIB, slow = 0, frozen = 0 } = change(second);
    const moved = 10 * second;
    const server = { rssBytes, heapBytes: MIB, bufferBytes: MIB, taken: { writer: moved } };
    return {
      server: { ...server, produced: { slow: moved + 1 + slow, fast: 100 * moved, frozen: 5 + frozen } },
      peers: { slow: moved, fast: 100 * moved, writer: moved + 1 },
    };
  });
}

const bad = (found: readonly BenchReport[]): string[] =>
  verdict(found, ['slow']).flatMap(({ what, isGood }) => (isGood ? [] : [what]));

describe('the verdict of the slow-consumer benchmark', () => {
  it('is good where memory goes up and down but does not rise', () => {
    assert.deepEqual(bad(reports()), []);
    assert.deepEqual(bad(reports((second) => ({ rssBytes: (100 + 20 * (second % 2)) * MIB }))), []);
  });

  it('is bad where memory rises, slowly too', () => {
    assert.deepEqual(bad(reports((second) => ({ rssBytes: (100 + second) * MIB }))), ['rise of RSS, by least squares']);
  });

  it('is bad where a producer runs ahead of a reader', () => {
    assert.deepEqual(bad(reports(() => ({ slow: 10 }))), ['items ahead of a slow reader, at most']);
    assert.deepEqual(bad(reports((second) => ({ frozen: second }))), ['items produced for the frozen reader']);
  });

  it('is bad where nothing moves', () => {
    const still = reports().map((report) => ({ ...report, peers: { slow: 0, writer: 0 } }));
    assert.ok(bad(still).includes('items moved by the slowest'));
  });
});

describe('slope', () => {
  it('is the rise for each step, by least squares', () => {
    assert.equal(slope([1, 3, 5, 7]), 2);
    assert.equal(slope([5, 5, 5]), 0);
    assert.equal(slope([0, 4, 0, 4]), 0.8);
    assert.equal(slope([7]), 0);
  });
});
