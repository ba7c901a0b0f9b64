import assert from 'node:assert/strict';
import type { ByteStream } from './byte-stream.js';
import { memoryPair } from './memory.js';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Starts an end and records what it is told. */
function record(stream: ByteStream): string[] {
  const log: string[] = [];
  stream.start({
    data: (bytes) => log.push(`data ${bytes}`),
    drained: () => log.push('drained'),
    ended: () => log.push('ended'),
    closed: (error) => log.push(`closed${error === undefined ? '' : `: ${error.message}`}`),
  });
  return log;
}

describe('a pair of streams in memory', () => {
  it('brings bytes in order, later and copied', async () => {
    const [a, b] = memoryPair();
    const log = record(b);
    const bytes = Buffer.from('one');
    assert.equal(a.write(bytes), true);
    a.write(Buffer.from('two'));
    bytes.fill(0);
    assert.deepEqual(log, []);
    await settle();
    assert.deepEqual(log, ['data one', 'data two']);
    assert.deepEqual([a.peer.address, b.peer.address], ['memory:client', 'memory:server']);
  });

  it('keeps what comes before anybody receives', async () => {
    const [a, b] = memoryPair();
    a.write(Buffer.from('early'));
    a.end();
    await settle();
    assert.equal(a.queuedBytes, 5);
    const log = record(b);
    await settle();
    assert.deepEqual(log, ['data early', 'ended']);
  });

  it('holds back while it is paused, counts what waits, and tells when all was taken', async () => {
    const [a, b] = memoryPair();
    const [writer, reader] = [record(a), record(b)];
    b.pause();
    a.write(Buffer.from('abc'));
    a.write(Buffer.from('de'));
    await settle();
    assert.deepEqual([reader, a.queuedBytes], [[], 5]);
    b.resume();
    await settle();
    assert.deepEqual([reader, writer, a.queuedBytes], [['data abc', 'data de'], ['drained'], 0]);
  });

  it('stops in the middle when its receiver pauses it', async () => {
    const [a, b] = memoryPair();
    const log: string[] = [];
    b.start({
      data(bytes) {
        log.push(String(bytes));
        b.pause();
      },
      drained() {},
      ended() {},
      closed() {},
    });
    a.write(Buffer.from('1'));
    a.write(Buffer.from('2'));
    await settle();
    assert.deepEqual(log, ['1']);
  });

  it('ends one direction only, after what was written, and sends nothing more', async () => {
    const [a, b] = memoryPair();
    const [logA, logB] = [record(a), record(b)];
    a.write(Buffer.from('last'));
    a.end();
    a.end();
    a.write(Buffer.from('too late'));
    await settle();
    assert.deepEqual(logB, ['data last', 'ended']);
    b.write(Buffer.from('answer'));
    await settle();
    assert.ok(logA.includes('data answer'));
    assert.equal(logA.includes('closed'), false);
  });

  it('closes both ends by itself when both directions have ended', async () => {
    const [a, b] = memoryPair();
    const [logA, logB] = [record(a), record(b)];
    a.end();
    await settle();
    b.end();
    await settle();
    assert.deepEqual(
      [logA.slice(-2), logB],
      [
        ['ended', 'closed'],
        ['ended', 'closed'],
      ],
    );
  });

  it('brings all that was written to an end that reads late, although both directions have ended', async () => {
    const [a, b] = memoryPair();
    const [logA, logB] = [record(a), record(b)];
    a.pause();
    a.end();
    b.write(Buffer.from('last words'));
    b.end();
    await settle();
    assert.deepEqual(logB, ['ended', 'closed']);
    a.resume();
    await settle();
    assert.deepEqual(logA, ['data last words', 'ended', 'closed']);
  });

  it('drops everything when it is destroyed, and tells the other end that it was not asked for', async () => {
    const [a, b] = memoryPair();
    const [logA, logB] = [record(a), record(b)];
    b.pause();
    a.write(Buffer.from('lost'));
    a.destroy();
    a.destroy();
    assert.deepEqual(logA, ['closed']);
    await settle();
    assert.deepEqual(logB, ['closed: the other end was closed']);
    b.write(Buffer.from('nobody'));
    b.end();
    b.resume();
    await settle();
    assert.deepEqual([logA.length, logB.length, a.queuedBytes], [1, 1, 0]);
  });

  it('is no surprise to an end that has ended already', async () => {
    const [a, b] = memoryPair();
    const log = record(b);
    record(a);
    b.end();
    a.destroy();
    await settle();
    assert.deepEqual(log, ['closed']);
  });
});
