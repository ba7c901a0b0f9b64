import { createServer, connect as dial } from 'node:net';
import { Decoder, Encoder } from '@msgpack/msgpack';
import { NO_SUCH } from '../values.mjs';

// What a careful engineer gets by hand: MessagePack-RPC over one socket with the same codec, messages of a turn in one write, and
// nothing else: no bounds, deadlines, retries, errors or reconnects. Its writes go out after 16 messages and at the end of the turn.
export const title = 'floor, by hand';
export const note =
  'MessagePack-RPC on `@msgpack/msgpack` over one socket: no bounds, deadlines, retries or reconnects';
export const packages = ['@msgpack/msgpack'];
export const can = ['object', 'text', 'sum', 'binary', 'mixed', 'errors'];

const FLUSH_AFTER_MESSAGES = 16;
const FLUSH_AFTER_BYTES = 60_000;
const BUFFER_BYTES = 65_536;

/** Appends messages to one buffer by the encoder's own methods, which are not public; a copy of each would cost 0.6 us. */
function writer(socket) {
  const encoder = new Encoder({ initialBufferSize: BUFFER_BYTES });
  encoder.pos = 0;
  let messages = 0;
  let armed = false;
  const flush = () => {
    messages = 0;
    if (encoder.pos === 0) return;
    socket.write(Buffer.from(encoder.bytes.buffer, 0, encoder.pos));
    encoder.pos = 0;
    if (socket.writableLength > 0) {
      const fresh = new ArrayBuffer(BUFFER_BYTES);
      encoder.view = new DataView(fresh);
      encoder.bytes = new Uint8Array(fresh);
    }
  };
  const atEnd = () => {
    armed = false;
    flush();
  };
  return (message) => {
    encoder.doEncode(message, 1);
    if (++messages >= FLUSH_AFTER_MESSAGES || encoder.pos > FLUSH_AFTER_BYTES) flush();
    else if (!armed) {
      armed = true;
      process.nextTick(atEnd);
    }
  };
}

/** Goes on decoding where the bytes of the last chunk ended. */
function reader(onMessage) {
  const decoder = new Decoder();
  return (chunk) => {
    decoder.appendBuffer(chunk);
    try {
      while (decoder.pos < decoder.bytes.length) onMessage(decoder.doDecodeSync());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  };
}

export async function serve(port) {
  const methods = {
    echo: (value) => value,
    sum: (x, y) => x + y,
    checked: (x, y) => {
      if (x === 0) throw new Error(NO_SUCH);
      return x + y;
    },
  };
  const answerTo = ([, id, name, args]) => {
    try {
      return [1, id, null, methods[name](...args)];
    } catch (error) {
      return [1, id, error.message, null];
    }
  };
  const server = createServer({ noDelay: true }, (socket) => {
    const write = writer(socket);
    socket.on(
      'data',
      reader((message) => write(answerTo(message))),
    );
    socket.on('error', () => undefined);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}

export async function connect([port]) {
  const socket = dial({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const write = writer(socket);
  const waiting = new Map();
  let lastId = 0;
  socket.on(
    'data',
    reader((message) => {
      const call = waiting.get(message[1]);
      waiting.delete(message[1]);
      if (message[2] === null) call.resolve(message[3]);
      else call.reject(new Error(message[2]));
    }),
  );
  const call = (name, args) =>
    new Promise((resolve, reject) => {
      lastId = (lastId + 1) >>> 0;
      waiting.set(lastId, { resolve, reject });
      write([0, lastId, name, args]);
    });
  const echo = (value) => call('echo', [value]);
  return {
    object: echo,
    text: echo,
    binary: echo,
    sum: (x, y) => call('sum', [x, y]),
    checked: (x, y) => call('checked', [x, y]),
  };
}
