import type { Clock } from '@org/rpc-core';
import type { ByteStream } from '@org/rpc-wire/internal';

type ByteReceiver = Parameters<ByteStream['start']>[0];

/** A stream whose bytes arrive so many milliseconds after they were sent, in order, as over a long line. */
export function lagging(stream: ByteStream, clock: Clock, lagMs: number): ByteStream {
  const arriving: ((receiver: ByteReceiver) => void)[] = [];
  let receiver: ByteReceiver | undefined;
  let due = 0;
  let isPaused = false;
  const deliver = (): void => {
    while (due > 0 && !isPaused && arriving.length > 0) {
      due--;
      arriving.shift()!(receiver!);
    }
  };
  const later = (what: (receiver: ByteReceiver) => void): void => {
    arriving.push(what);
    clock.schedule(lagMs, () => {
      due++;
      deliver();
    });
  };
  return {
    peer: stream.peer,
    start(to) {
      const isFirst = receiver === undefined;
      receiver = to;
      if (!isFirst) return;
      stream.start({
        data(bytes) {
          const copy = Buffer.from(bytes);
          later((each) => each.data(copy));
        },
        drained: () => receiver!.drained(),
        ended: () => later((each) => each.ended()),
        closed: (error) => later((each) => each.closed(error)),
      });
    },
    write: (bytes) => stream.write(bytes),
    get queuedBytes() {
      return stream.queuedBytes;
    },
    pause() {
      isPaused = true;
      stream.pause();
    },
    resume() {
      isPaused = false;
      stream.resume();
      queueMicrotask(deliver);
    },
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}
