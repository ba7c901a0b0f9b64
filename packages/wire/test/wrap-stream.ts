import type { ByteReceiver, ByteStream } from '../src/transport/byte-stream.js';

/** What a wrapped stream does otherwise. */
export interface StreamChanges {
  readonly onPause?: () => void;
  readonly onResume?: () => void;
  /** In place of what really waits to be taken. */
  readonly queuedBytes?: () => number;
  /** Whether the bytes that it brings are overwritten as soon as the receiver has returned. */
  readonly overwrites?: boolean;
  /** The size of the chunks in which it brings its bytes. */
  readonly chunkBytes?: number;
}

/** A stream that does some things otherwise. */
export function wrapStream(stream: ByteStream, changes: StreamChanges): ByteStream {
  const { onPause, onResume, queuedBytes, overwrites = false, chunkBytes } = changes;
  return {
    peer: stream.peer,
    start: (receiver) => {
      const cut = chunkBytes === undefined ? receiver : cutting(receiver, chunkBytes);
      stream.start(overwrites ? overwriting(cut) : cut);
    },
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

function cutting(receiver: ByteReceiver, chunkBytes: number): ByteReceiver {
  return {
    data(bytes) {
      for (let at = 0; at < bytes.length; at += chunkBytes) receiver.data(bytes.subarray(at, at + chunkBytes));
    },
    drained: () => receiver.drained(),
    ended: () => receiver.ended(),
    closed: (error) => receiver.closed(error),
  };
}
