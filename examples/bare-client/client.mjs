import { connect as connectSocket } from 'node:net';
import { decode, encode } from './msgpack.mjs';

/*
 * A client of the native protocol that uses nothing but sockets, written from docs/protocol.md alone: what to begin with in another
 * language. It has calls, errors, streams of the server with credit, cancelling, PING and messages in pieces; it has no
 * reconnecting, no deadlines and no items of its own.
 */

const PREFACE = Buffer.from('c152504301', 'hex');
const TYPE = {
  HELLO: 1,
  REQUEST: 2,
  RESPONSE: 3,
  ERROR: 4,
  CANCEL: 5,
  PING: 6,
  PONG: 7,
  GOAWAY: 8,
  ITEM: 9,
  END: 10,
  CREDIT: 11,
  CONTINUATION: 12,
};
const FLAG = { METADATA: 0x01, LOAD: 0x02, MORE: 0x08, STREAM: 0x40 };
const MESSAGE_BYTES = 4 * 1024 * 1024;
const STREAM_WINDOW = 64 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;

/** What a server answered in place of a result. */
export class CallError extends Error {
  constructor({ code, handlerRan, reason, details }) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.handlerRan = handlerRan;
    this.details = details;
  }
}

/** Connects and greets. Gives the client once the server has greeted. */
export async function connect(port, host = '127.0.0.1') {
  const client = new BareClient(connectSocket({ port, host, noDelay: true }));
  await client.greeted;
  return client;
}

class BareClient {
  /** The server's HELLO. */
  hello;
  #socket;
  #unread = Buffer.alloc(0);
  #lastId = 0;
  /** By id: what waits for an answer. */
  #calls = new Map();
  /** By id: messages of which some pieces have come. */
  #pieces = new Map();
  #pongs = [];
  #connectionTaken = 0;
  #isDraining = false;
  #greet;

  constructor(socket) {
    this.#socket = socket;
    this.greeted = new Promise((resolve, reject) => {
      this.#greet = { resolve, reject };
    });
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection is over')));
    socket.write(PREFACE);
    const hello = { version: 1, codec: 'msgpack', messageBytes: MESSAGE_BYTES, callsInFlight: 100, uptimeMs: 0 };
    this.#send(TYPE.HELLO, 0, 0, encode(hello));
  }

  /** Calls a method. @throws CallError */
  call(service, method, ...args) {
    return new Promise((resolve, reject) => this.#request(0, service, method, args, { resolve, reject }));
  }

  /** Calls a method that streams. Leaving the loop cancels it. @throws CallError */
  async *stream(service, method, ...args) {
    const stream = { items: [], taken: 0, wake: () => {} };
    const over = new Promise((resolve, reject) => Object.assign(stream, { resolve, reject }));
    // Whoever reads learns of it below.
    over.catch(() => {});
    const id = this.#request(FLAG.STREAM, service, method, args, stream);
    try {
      while (stream.items.length > 0 || this.#calls.has(id)) {
        const item = stream.items.shift();
        if (item === undefined) {
          await new Promise((resolve) => {
            stream.wake = resolve;
          });
          continue;
        }
        this.#taken(id, stream, item.cost);
        yield item.value;
      }
      await over;
    } finally {
      if (this.#calls.delete(id)) this.#send(TYPE.CANCEL, 0, id, Buffer.of(1));
      // The rest of an item that had begun will not come, or is ignored; its credit must not leak.
      const cut = this.#pieces.get(id);
      if (this.#pieces.delete(id) && cut.type === TYPE.ITEM) this.#taken(0, { taken: 0 }, cut.length);
    }
  }

  /** Resolves when the server has answered a PING. */
  ping() {
    return new Promise((resolve, reject) => {
      this.#pongs.push({ resolve, reject });
      this.#send(TYPE.PING, 0, 0, Buffer.from('bare bar'));
    });
  }

  /** Ends this side; the server ends its own when it has answered. */
  close() {
    this.#socket.end();
  }

  #request(flags, service, method, args, waiting) {
    if (this.#isDraining) throw new Error('the server takes no new calls');
    const id = ++this.#lastId;
    const head = Buffer.alloc(10);
    head[5] = 128;
    head[8] = service.length;
    head[9] = method.length;
    const body = Buffer.concat([head, Buffer.from(service + method), encode(args)]);
    if (body.length > this.hello.messageBytes) throw new Error('the server takes no request of this length');
    this.#calls.set(id, waiting);
    this.#send(TYPE.REQUEST, flags, id, body);
    return id;
  }

  #taken(id, stream, cost) {
    stream.taken += cost;
    this.#connectionTaken += cost;
    if (stream.taken >= STREAM_WINDOW / 2 && this.#calls.has(id)) {
      this.#send(TYPE.CREDIT, 0, id, uint32(stream.taken));
      stream.taken = 0;
    }
    if (this.#connectionTaken >= CONNECTION_WINDOW / 2) {
      this.#send(TYPE.CREDIT, 0, 0, uint32(this.#connectionTaken));
      this.#connectionTaken = 0;
    }
  }

  #send(type, flags, id, body) {
    const header = Buffer.alloc(10);
    header.writeUInt32BE(body.length, 0);
    header[4] = type;
    header[5] = flags;
    header.writeUInt32BE(id, 6);
    this.#socket.write(Buffer.concat([header, body]));
  }

  #read(bytes) {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    try {
      while (this.#unread.length >= 10) {
        const end = 10 + this.#unread.readUInt32BE(0);
        if (end > 10 + MESSAGE_BYTES) throw new Error('the server sends a frame that is too long');
        if (this.#unread.length < end) return;
        const frame = this.#unread.subarray(0, end);
        this.#unread = this.#unread.subarray(end);
        this.#frame(frame[4], frame[5], frame.readUInt32BE(6), frame.subarray(10));
      }
    } catch (error) {
      this.#fail(error);
      this.#socket.destroy();
    }
  }

  #frame(type, flags, id, body) {
    if (type === TYPE.CONTINUATION) this.#continue(flags, id, body);
    else if ((flags & FLAG.MORE) !== 0 && (type === TYPE.RESPONSE || type === TYPE.ERROR || type === TYPE.ITEM)) {
      const length = body.readUInt32BE(0);
      if (length > MESSAGE_BYTES) throw new Error('the server sends a message that is too long');
      this.#pieces.set(id, { type, flags: flags & ~FLAG.MORE, length, parts: [body.subarray(4)] });
    } else this.#message(type, flags, id, body);
  }

  #continue(flags, id, body) {
    const message = this.#pieces.get(id);
    if (message === undefined) return;
    message.parts.push(body);
    if ((flags & FLAG.MORE) !== 0) return;
    this.#pieces.delete(id);
    const whole = Buffer.concat(message.parts);
    if (whole.length !== message.length) throw new Error('a message in pieces is longer or shorter than announced');
    this.#message(message.type, message.flags, id, whole);
  }

  #message(type, flags, id, body) {
    const call = this.#calls.get(id);
    if (type === TYPE.HELLO) {
      this.hello = decode(body);
      this.#greet.resolve();
    } else if (type === TYPE.PING) this.#send(TYPE.PONG, 0, 0, body);
    else if (type === TYPE.PONG) this.#pongs.shift()?.resolve();
    else if (type === TYPE.GOAWAY) this.#goAway(body);
    else if (type === TYPE.ITEM) this.#item(call, body);
    else if (type === TYPE.RESPONSE || type === TYPE.END)
      this.#settle(id, (waiting) => waiting.resolve(result(flags, body)));
    else if (type === TYPE.ERROR) this.#settle(id, (waiting) => waiting.reject(new CallError(errorOf(flags, body))));
    // Everything else is of a later version, or credit for items that are not sent here.
  }

  #item(stream, body) {
    const cost = Math.max(1, body.length);
    if (stream === undefined) {
      // It crossed a CANCEL: dropped, but the connection's credit must not leak.
      this.#taken(0, { taken: 0 }, cost);
      return;
    }
    stream.items.push({ value: body.length === 0 ? undefined : decode(body), cost });
    stream.wake();
  }

  #settle(id, how) {
    const waiting = this.#calls.get(id);
    if (waiting === undefined) return;
    this.#calls.delete(id);
    how(waiting);
    waiting.wake?.();
    if (this.#isDraining && this.#calls.size === 0) this.close();
  }

  #goAway(body) {
    const code = body[0] ?? 0;
    if (code !== 0) throw new Error(`the server closes (${code}): ${body.toString('utf8', 1)}`);
    this.#isDraining = true;
    if (this.#calls.size === 0) this.close();
  }

  #fail(error) {
    this.#greet.reject(error);
    for (const id of [...this.#calls.keys()]) this.#settle(id, (waiting) => waiting.reject(error));
    for (const { reject } of this.#pongs.splice(0)) reject(error);
  }
}

/** The result in a RESPONSE. */
function result(flags, body) {
  const start = afterMetadata(flags, body, (flags & FLAG.LOAD) === 0 ? 0 : 4);
  return start === body.length ? undefined : decode(body.subarray(start));
}

/** What an ERROR says. */
function errorOf(flags, body) {
  const fixed = afterMetadata(flags, body, (flags & FLAG.LOAD) === 0 ? 0 : 4);
  const start = fixed + 8;
  const end = start + body.readUInt16BE(fixed + 6);
  return {
    code: body[fixed],
    handlerRan: body[fixed + 1] !== 0,
    reason: body.toString('utf8', start, end),
    details: end === body.length ? undefined : decode(body.subarray(end)),
  };
}

function afterMetadata(flags, body, start) {
  return (flags & FLAG.METADATA) === 0 ? start : start + 2 + body.readUInt16BE(start);
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
