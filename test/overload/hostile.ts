import { randomBytes } from 'node:crypto';
import { frame, GREETING, request, Type, times } from '../../packages/rpc/test/floods/wire.js';

/** What one kind of hostile peer does. */
export interface Hostile {
  /** For people. */
  readonly title: string;
  /** Connections at once, at most. */
  readonly open: number;
  /** New ones a second, in the place of those that were closed. */
  readonly perSecond: number;
  /** Sent at once. */
  readonly first: Buffer;
  /** Sent again and again; left out: nothing. */
  readonly next?: (round: number) => Buffer;
  readonly everyMs?: number;
  /** Whether it reads nothing. */
  readonly unread?: true;
  /** Whether it leaves as soon as it is answered. */
  readonly leaves?: true;
}

const STREAM = 0x40;
const MORE = 8;
const NONE = Buffer.alloc(0);
const KIB = Buffer.alloc(1024, 0xc0);
const BATCH = 100;
const noise = randomBytes(64 * 1024);
/** The beginning of a call of 4 MB in pieces. */
const beginning = (id: number): Buffer => frame(Type.REQUEST, Buffer.from([0, 63, 0, 0, 0, 0]), id, MORE);
const piece = (id: number): Buffer => frame(Type.CONTINUATION, Buffer.alloc(16 * 1024), id, MORE);

/** Each a flood of its own, by name. */
export const HOSTILE: Readonly<Record<string, Hostile>> = {
  connections: {
    title: '3,000 new connections a second',
    open: 2_000,
    perSecond: 3_000,
    first: GREETING,
    leaves: true,
  },
  silent: { title: 'a thousand connections that say nothing', open: 1_000, perSecond: 500, first: NONE },
  drip: {
    title: '200 connections that send a byte of a call every 100 ms',
    open: 200,
    perSecond: 200,
    first: Buffer.concat([GREETING, request(1, 'echo', ['a word']).subarray(0, 4)]),
    next: () => Buffer.from([0]),
    everyMs: 100,
  },
  garbage: { title: '200 connections a second with 64 KiB of garbage', open: 200, perSecond: 200, first: noise },
  greeted: {
    title: '200 connections a second that greet, and send 64 KiB of garbage then',
    open: 200,
    perSecond: 200,
    first: Buffer.concat([GREETING, noise]),
  },
  pieces: {
    title: '50 connections that send the beginnings of eight calls of 4 MB each',
    open: 50,
    perSecond: 50,
    first: Buffer.concat([GREETING, times(8, (index) => beginning(index + 1))]),
    next: (round) => piece(1 + (round % 8)),
  },
  held: {
    title: '50 connections that make 200 calls a second each, which do not end',
    open: 50,
    perSecond: 50,
    first: GREETING,
    next: (round) => times(20, (index) => request(round * 20 + index + 1, 'hang', ['x'.repeat(200)])),
    everyMs: 100,
  },
  streams: {
    title: '50 connections that open streams, and send items that nobody takes',
    open: 50,
    perSecond: 50,
    first: GREETING,
    next: (round) =>
      Buffer.concat([request(round + 1, 'items', [], STREAM), times(8, () => frame(Type.ITEM, KIB, round + 1))]),
  },
  unread: {
    title: '50 connections that ask for answers of 64 KiB, and read none',
    open: 50,
    perSecond: 50,
    first: GREETING,
    next: (round) => times(10, (index) => request(round * 10 + index + 1, 'large')),
    unread: true,
  },
  'one-way': {
    title: '10 connections with 10,000 one-way calls a second each',
    open: 10,
    perSecond: 10,
    first: GREETING,
    next: () => times(BATCH, request(0, 'tell', [], 1)),
  },
  cancels: {
    title: '10 connections that make and cancel 1,000 calls a second each (rapid reset)',
    open: 10,
    perSecond: 10,
    first: GREETING,
    next: (round) =>
      times(BATCH, (index) => {
        const id = round * BATCH + index + 1;
        return Buffer.concat([request(id, 'hang'), frame(Type.CANCEL, Buffer.from([1]), id)]);
      }),
    everyMs: 100,
  },
  'held-fast': {
    title: '50 connections that make 2,000 calls a second each, which do not end',
    open: 50,
    perSecond: 50,
    first: GREETING,
    next: (round) => times(20, (index) => request(round * 20 + index + 1, 'hang', ['x'.repeat(200)])),
    everyMs: 10,
  },
  'cancels-fast': {
    title: '10 connections that make and cancel 10,000 calls a second each',
    open: 10,
    perSecond: 10,
    first: GREETING,
    next: (round) =>
      times(BATCH, (index) => {
        const id = round * BATCH + index + 1;
        return Buffer.concat([request(id, 'hang'), frame(Type.CANCEL, Buffer.from([1]), id)]);
      }),
    everyMs: 10,
  },
  pings: {
    title: '10 connections with 1,000 PINGs a second each, which come again when they are closed',
    open: 10,
    perSecond: 100,
    first: GREETING,
    next: () => times(BATCH, frame(Type.PING, Buffer.alloc(8))),
    everyMs: 100,
  },
};
