import assert from 'node:assert/strict';
import { greetedServerRig, type ServerRig } from '../../../test/connection-rig.js';
import { rawFrame, requestFrame } from '../../../test/raw-peer.js';
import { CancelReason, FrameType, RequestFlag } from '../../frames/frame.js';
import type { ByteStream } from '../../transport/byte-stream.js';

const ITEM_BYTES = 40_000;

/** What a stream was given and has not let go of. */
interface Kernel {
  /** Whether it takes all that it is given at once. */
  takesAll: boolean;
  readonly given: Buffer[];
  readonly waiting: (() => void)[];
  /** Takes what it was given up to now. */
  take(): void;
}

/** A stream that reads from what it was given when it is told to, as a socket does whose kernel has no room. */
function keeping(): { kernel: Kernel; wrap: (stream: ByteStream) => ByteStream } {
  let pass = (_: Buffer): void => {};
  const queued: Buffer[] = [];
  const kernel: Kernel = {
    takesAll: false,
    given: [],
    waiting: [],
    take() {
      for (const bytes of queued.splice(0)) pass(bytes);
      for (const run of kernel.waiting.splice(0)) run();
    },
  };
  const wrap = (stream: ByteStream): ByteStream => {
    pass = (bytes) => void stream.write(bytes);
    const write = (bytes: Buffer): boolean => {
      kernel.given.push(bytes);
      if (kernel.takesAll && queued.length === 0) return stream.write(bytes);
      queued.push(bytes);
      return false;
    };
    return {
      peer: stream.peer,
      start: (receiver) => stream.start(receiver),
      write,
      whenTaken: (run) => void (queued.length === 0 ? run() : kernel.waiting.push(run)),
      get queuedBytes() {
        return stream.queuedBytes + queued.reduce((sum, { length }) => sum + length, 0);
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    };
  };
  return { kernel, wrap };
}

interface Scene extends ServerRig {
  readonly kernel: Kernel;
  /** What was asked of the handler's iterators. */
  readonly asked: string[];
  /** The first bytes of the items that the peer has got. */
  items(id?: number): number[];
}

/** A server whose handler gives its one buffer again and again, filled with 1, 2, 3 and so on. */
async function scene(): Promise<Scene> {
  const { kernel, wrap } = keeping();
  kernel.takesAll = true;
  const rig = await greetedServerRig({ wrap });
  kernel.takesAll = false;
  const asked: string[] = [];
  rig.host.methods.echo = (() => {
    const item = Buffer.alloc(ITEM_BYTES);
    let count = 0;
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          asked.push('next');
          item.fill(++count);
          return { done: false, value: item };
        },
        async return() {
          asked.push('return');
          item.fill(0xff);
          return { done: true, value: undefined };
        },
      }),
    };
  }) as never;
  const items = (id = 1): number[] =>
    rig.peer.frames
      .filter((frame) => frame.type === FrameType.ITEM && frame.id === id)
      .map(({ body }) => {
        const content = body.subarray(-ITEM_BYTES);
        assert.ok(content.every((byte) => byte === content[0]));
        return content[0]!;
      });
  return { ...rig, kernel, asked, items };
}

const opening = (id: number): Buffer => requestFrame(id, [], { flags: RequestFlag.STREAM });

describe('a large item of a stream', () => {
  it('is sent from where it lies', async () => {
    const { peer, settle, kernel, items } = await scene();
    kernel.takesAll = true;
    peer.send(opening(1));
    await settle();
    assert.deepEqual(items(), [1, 2]);
    const large = kernel.given.filter(({ length }) => length === ITEM_BYTES);
    assert.deepEqual([large.length, new Set(large.map(({ buffer }) => buffer)).size], [2, 1]);
  });

  it('is followed by the next one when nothing reads from its memory any more, and not before', async () => {
    const { peer, settle, kernel, asked, items } = await scene();
    peer.send(opening(1));
    await settle();
    assert.deepEqual(asked, ['next']);
    kernel.take();
    await settle();
    assert.deepEqual([asked, items()], [['next', 'next'], [1]]);
    kernel.take();
    await settle();
    assert.deepEqual(items(), [1, 2]);
  });

  it('is whole for a caller who has given up: the iterator is returned after it', async () => {
    const { peer, settle, kernel, asked, items, host } = await scene();
    peer.send(opening(1));
    await settle();
    peer.send(rawFrame(FrameType.CANCEL, Buffer.from([CancelReason.CALLER]), 1));
    await settle();
    assert.deepEqual([asked, host.calls[0]!.signal.aborted], [['next'], true]);
    kernel.take();
    await settle();
    assert.deepEqual([asked, items(), host.ended.length], [['next', 'return'], [1], 1]);
  });

  it('holds up no other stream', async () => {
    const { peer, settle, kernel, asked, items } = await scene();
    peer.send(opening(1), opening(2));
    await settle();
    assert.deepEqual(asked, ['next', 'next']);
    kernel.take();
    await settle();
    assert.deepEqual([items(1), items(2)], [[1], [1]]);
  });
});
