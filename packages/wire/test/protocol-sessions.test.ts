import assert from 'node:assert/strict';
import type { CallStream, Metadata, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { ItemQueue } from '../src/connection/streams/item-queue.js';
import { pump } from '../src/connection/streams/pump.js';
import { PREFACE } from '../src/frames/frame.js';
import {
  type ClientRig,
  clientRig,
  makeCall,
  type SentCall,
  type ServerRig,
  send,
  serverRig,
} from './connection-rig.js';
import {
  bytesOf,
  frameBytes,
  notated,
  type Session,
  type SessionStep,
  VECTOR_LIMITS,
  VECTORS,
} from './protocol-vectors.js';
import type { RawPeer } from './raw-peer.js';

const GREETING = Buffer.concat([PREFACE, frameBytes('hello-client')]);

describe('the sessions of the native protocol', () => {
  for (const session of VECTORS.sessions) {
    if (session.only !== 'client')
      it(`${session.name}: a server answers so`, async () => {
        const player = await ServerPlayer.greeted();
        for (const step of session.steps) await player.play(step);
        player.finish();
      });
    if (session.only !== 'server')
      it(`${session.name}: a client speaks so`, async () => {
        const player = await ClientPlayer.greeted();
        for (const step of session.steps) await player.play(step);
        await player.finish(session);
      });
  }
});

/** Compares what a peer has got with what it should have got by now. */
class Heard {
  #expected: Buffer;
  readonly #peer: RawPeer;

  constructor(peer: RawPeer, greeting: Buffer) {
    this.#peer = peer;
    this.#expected = greeting;
    this.isAll();
  }

  /** The next step of a session: these bytes have come, others may follow. */
  next({ hex, ends }: SessionStep): void {
    if (ends === true) return assert.ok(this.#peer.isEnded, 'the byte stream has not ended');
    this.#expected = Buffer.concat([this.#expected, bytesOf(hex!)]);
    assert.equal(this.#peer.bytes.subarray(0, this.#expected.length).toString('hex'), this.#expected.toString('hex'));
  }

  /** Nothing else has come. */
  isAll(): void {
    assert.equal(this.#peer.bytes.toString('hex'), this.#expected.toString('hex'));
  }
}

/** Plays the client's part of a session against a real server's connection. */
class ServerPlayer {
  readonly #rig: ServerRig;
  readonly #heard: Heard;
  readonly #answer: (value: unknown) => void;

  private constructor(rig: ServerRig, answer: (value: unknown) => void) {
    this.#rig = rig;
    this.#heard = new Heard(rig.peer, frameBytes('hello-server'));
    this.#answer = answer;
  }

  static async greeted(): Promise<ServerPlayer> {
    const rig = serverRig({ limits: VECTOR_LIMITS });
    Object.assign(rig.host.self, { instance: 'users-1', uptimeMs: 60_000 });
    let answer!: (value: unknown) => void;
    const waiting = new Promise((resolve) => {
      answer = resolve;
    });
    Object.assign(rig.host.methods, { ...METHODS, wait: () => waiting });
    rig.peer.send(GREETING);
    await rig.settle();
    return new ServerPlayer(rig, answer);
  }

  async play(step: SessionStep): Promise<void> {
    const { peer, connection, settle } = this.#rig;
    if (step.from === 'server') return this.#heard.next(step);
    if (step.server === 'drain') connection.drain(step.reason!);
    else if (step.server === 'answer') this.#answer(step.value);
    else if (step.ends === true) peer.stream.end();
    else if (step.hex !== undefined) peer.send(bytesOf(step.hex));
    await settle();
  }

  finish(): void {
    this.#heard.isAll();
  }
}

/** Plays the server's part of a session against a real client's connection. */
class ClientPlayer {
  readonly #rig: ClientRig;
  readonly #heard: Heard;
  readonly #stopper = new AbortController();
  readonly #items: unknown[] = [];
  #sent: SentCall | undefined;

  private constructor(rig: ClientRig) {
    this.#rig = rig;
    this.#heard = new Heard(rig.peer, GREETING);
  }

  static async greeted(): Promise<ClientPlayer> {
    const rig = clientRig({ limits: VECTOR_LIMITS });
    await rig.settle();
    const player = new ClientPlayer(rig);
    rig.peer.send(frameBytes('hello-server'));
    await rig.settle();
    return player;
  }

  async play(step: SessionStep): Promise<void> {
    const { clock, connection, peer, settle } = this.#rig;
    if (step.from === 'client') return this.#heard.next(step);
    if (step.client === 'call') this.#call(step);
    else if (step.client === 'abort') this.#stopper.abort();
    else if (step.client === 'silence') {
      await clock.advance(10_001);
      connection.tick(clock.now());
    } else if (step.ends === true) peer.stream.end();
    else if (step.hex !== undefined) peer.send(bytesOf(step.hex));
    await settle();
  }

  async finish({ outcome }: Session): Promise<void> {
    await this.#rig.settle();
    this.#heard.isAll();
    if (outcome === undefined) return;
    const { value, items, metadata, error } = outcome;
    assert.equal(this.#sent?.settledTimes, 1);
    if (error !== undefined) assert.deepEqual(partOf(this.#sent.error, error), error);
    else if (items === undefined) assert.deepEqual(this.#sent.value, notated(value));
    if (items !== undefined) assert.deepEqual(this.#items, notated(items));
    if (metadata !== undefined) assert.deepEqual({ ...this.#sent.call.responseMetadata }, metadata);
  }

  #call({ method, args, metadata, timeoutMs, oneWay, stream, items }: SessionStep): void {
    const { clock, connection } = this.#rig;
    const call = makeCall(clock, method!, notated(args) as unknown[], {
      signal: this.#stopper.signal,
      ...(metadata === undefined ? {} : { metadata: metadata as Metadata }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(oneWay === undefined ? {} : { oneWay }),
    });
    // As clients do it.
    call.priority = 128;
    if (stream === true) call.stream = this.#stream(items);
    this.#sent = send(connection, call);
  }

  #stream(items: readonly unknown[] | undefined): CallStream {
    const received = new ItemQueue();
    const take = async (): Promise<void> => {
      for await (const item of received) this.#items.push(item);
    };
    void take();
    return {
      received,
      opened: (_call, sender) => {
        if (items === undefined) return;
        void pump(items[Symbol.iterator](), sender).done.then(() => sender.end());
      },
    };
  }
}

const METHODS = {
  get: (id: number) => ({ id, name: 'Ada' }),
  whoami: (call: { metadata: Metadata; responseMetadata: Record<string, string> }) => {
    call.responseMetadata['cache'] = 'hit';
    return call.metadata['tenant'];
  },
  find: (name: string) => {
    throw rpcError('NOT_FOUND', 'no such user', { details: { name } });
  },
  note: () => {},
  size: ({ length }: { length: number }) => length,
  sizes: async function* (items: AsyncIterable<string>) {
    for await (const item of items) yield item.length;
  },
  large: function* () {
    yield Buffer.alloc(70_000);
    yield 'rest';
  },
  sum: async function* (items: AsyncIterable<number>) {
    let sum = 0;
    for await (const item of items) sum += item;
    yield sum;
  },
  read: function* () {
    yield 'more';
    yield Buffer.alloc(66_000);
    yield 'rest';
  },
  double: async function* (items: AsyncIterable<number>) {
    for await (const item of items) yield 2 * item;
  },
  tear: function* () {
    yield 1;
    throw rpcError('DATA_LOSS', 'the rest is gone');
  },
};

function partOf(error: RpcError | undefined, fields: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.keys(fields).map((key) => [key, error?.[key as keyof RpcError]]));
}
