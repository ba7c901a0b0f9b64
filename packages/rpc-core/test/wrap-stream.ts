import type { ByteReceiver, ByteStream } from '../src/transport/byte-stream.js';

/** What a wrapped stream does otherwise. */
export interface StreamChanges {
  readonly onPause?: () => void;
  readonly onResume?: () => void;
  /** In place of what really waits to be taken. */
  readonly queuedBytes?: () => number;
  /** Whether the bytes that it brings are overwritten as soon as the receiver has returned. */
  readonly overwrites?: boolean;
}

/** A stream that does some things otherwise. */
export function wrapStream(stream: ByteStream, changes: StreamChanges): ByteStream {
  const { onPause, onResume, queuedBytes, overwrites = false } = changes;
  return {
    peer: stream.peer,
    start: (receiver) => stream.start(overwrites ? overwriting(receiver) : receiver),
    write: (bytes) => stream.write(bytes),
    get queuedBytes() {
      return queuedBytes?.() ?? stream.queuedBytes;
    },
    pause() {
      onPause?.();
      stream.pause();
    },
    resume() {
      onResume?.();
      stream.resume();
    },
    end: () => stream.end(),
    destroy: () => stream.destroy(),
  };
}

function overwriting(receiver: ByteReceiver): ByteReceiver {
  return {
    data(bytes) {
      receiver.data(bytes);
      bytes.fill(0xc1);
    },
    drained: () => receiver.drained(),
    ended: () => receiver.ended(),
    closed: (error) => receiver.closed(error),
  };
}
