import { createServer, connect as dial } from 'node:net';
import { encode } from '@msgpack/msgpack';

// The limit of node:net with a promise a call: frames with their length in front whose content nobody looks at, answered in order.
export const title = 'raw socket, no codec';
export const note = 'bytes with their length in front, never encoded or decoded: the limit of `node:net`';
export const packages = [];
export const can = ['object', 'text', 'sum', 'binary', 'items'];

const FLUSH_AFTER_BYTES = 2_048;
const BUFFER_BYTES = 65_536;
/** A frame of this length asks for items without end: its four bytes of content are the size of one. */
const ITEMS = 4;
/** So much of one stream may have come and not been taken. */
const UNREAD_BYTES_MAX = 256 * 1024;

function writer(socket) {
  let buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  let end = 0;
  let armed = false;
  const flush = () => {
    if (end === 0) return;
    socket.write(buffer.subarray(0, end));
    end = 0;
    if (socket.writableLength > 0) buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  };
  const atEnd = () => {
    armed = false;
    flush();
  };
  return (frame) => {
    if (end + frame.length > BUFFER_BYTES) flush();
    if (frame.length > BUFFER_BYTES) {
      socket.write(frame);
      return;
    }
    frame.copy(buffer, end);
    end += frame.length;
    if (end > FLUSH_AFTER_BYTES) flush();
    else if (!armed) {
      armed = true;
      process.nextTick(atEnd);
    }
  };
}

function reader(onFrame) {
  let kept = [];
  let have = 0;
  let want = 4;
  return (chunk) => {
    have += chunk.length;
    if (have < want) {
      kept.push(chunk);
      return;
    }
    const bytes = kept.length === 0 ? chunk : Buffer.concat([...kept, chunk]);
    let start = 0;
    want = 4;
    while (have - start >= 4) {
      const length = 4 + bytes.readUInt32BE(start);
      if (have - start < length) {
        want = length;
        break;
      }
      onFrame(bytes.subarray(start, start + length));
      start += length;
    }
    have -= start;
    kept = have === 0 ? [] : [bytes.subarray(start)];
  };
}

export async function serve(port) {
  const server = createServer({ noDelay: true }, (socket) => {
    const write = writer(socket);
    const onFrame = (frame) => {
      if (frame.length === 4 + ITEMS) sendItems(socket, frame.readUInt32BE(4));
      // Large frames are written later than this turn, and parts of what was read are not to be written over.
      else write(frame);
    };
    socket.on('data', reader(onFrame)).on('error', () => undefined);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

function sendItems(socket, bytes) {
  const chunk = Buffer.alloc(Math.max(bytes, BUFFER_BYTES), 7);
  const send = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', send);
  send();
}

export async function connect([port]) {
  const open = async (onData) => {
    const socket = dial({ port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.on('data', onData);
    return socket;
  };
  let waiting = [];
  let first = 0;
  const socket = await open(
    reader((frame) => {
      const resolve = waiting[first];
      waiting[first++] = undefined;
      if (first === 1024) {
        waiting = waiting.slice(first);
        first = 0;
      }
      resolve(frame);
    }),
  );
  const write = writer(socket);
  const frames = new Map();
  const send = (value, content) => {
    let frame = frames.get(value);
    if (frame === undefined) {
      const bytes = content();
      frame = Buffer.alloc(4 + bytes.length);
      frame.writeUInt32BE(bytes.length);
      frame.set(bytes, 4);
      frames.set(value, frame);
    }
    return new Promise((resolve) => {
      waiting.push(() => resolve(value));
      write(frame);
    });
  };
  const encoded = (value) => send(value, () => encode([0, 100_000, 'echo', [value]]));
  const total = 25_017;
  return {
    object: encoded,
    text: encoded,
    binary: (value) => send(value, () => (value.length === ITEMS ? Buffer.alloc(5) : value)),
    sum: (x, y) => send(total, () => encode([0, 100_000, 'sum', [x, y]])),
    // Counted by its bytes: where one item ends and the next begins, nobody looks. Who takes no items is sent no more, as with everybody else:
    // otherwise it would go on while others are measured, and count what came meanwhile as its own slice's.
    async *items(bytes) {
      let have = 0;
      let wake = () => undefined;
      const socket = await open((chunk) => {
        have += chunk.length;
        if (have > UNREAD_BYTES_MAX) socket.pause();
        wake();
      });
      const request = Buffer.alloc(8);
      request.writeUInt32BE(ITEMS);
      request.writeUInt32BE(bytes, 4);
      socket.write(request);
      for (;;) {
        for (; have >= bytes; have -= bytes) yield { length: bytes };
        if (socket.isPaused()) socket.resume();
        await new Promise((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
