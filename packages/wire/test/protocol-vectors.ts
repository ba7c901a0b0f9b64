import { readFileSync } from 'node:fs';
import { UnknownExtension } from '../src/codec/extensions.js';

/** One frame and what it says. */
export interface FrameVector {
  readonly name: string;
  readonly what: string;
  readonly hex: string;
  readonly fields: Readonly<Record<string, unknown>> & { readonly type: string };
  /** Bytes that are understood but never written here. */
  readonly onlyRead?: boolean;
}

/** A message in pieces. */
export interface PiecesVector {
  readonly name: string;
  /** The frame that it would be in one. */
  readonly whole: string;
  readonly frames: readonly string[];
  readonly onlyRead?: boolean;
}

/** One value of the codec. */
export interface ValueVector {
  readonly name: string;
  readonly hex: string;
  readonly value: unknown;
  readonly onlyRead?: boolean;
}

/** What happens in a session: something that one side is asked to do, or bytes that it sends. */
export interface SessionStep {
  readonly client?: 'call' | 'abort' | 'silence';
  readonly server?: 'drain' | 'answer';
  readonly from?: 'client' | 'server';
  readonly hex?: string;
  /** In place of bytes: that side of the byte stream ends. */
  readonly ends?: boolean;
  readonly method?: string;
  readonly args?: readonly unknown[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly oneWay?: boolean;
  readonly stream?: boolean;
  readonly items?: readonly unknown[];
  readonly reason?: string;
  readonly value?: unknown;
}

/** A whole conversation after the greeting, and what the caller has in the end. */
export interface Session {
  readonly name: string;
  readonly steps: readonly SessionStep[];
  readonly outcome?: {
    readonly value?: unknown;
    readonly items?: readonly unknown[];
    readonly metadata?: Readonly<Record<string, string>>;
    readonly error?: Readonly<Record<string, unknown>>;
  };
  /** The side that can be played against when the other one never sends such bytes. */
  readonly only?: 'client' | 'server';
}

/** Bytes for which a connection is closed. */
export interface Refusal {
  readonly name: string;
  readonly to: 'client' | 'server';
  /** The bytes begin the connection; else they follow the greeting. */
  readonly after?: 'nothing';
  readonly hex: string;
  readonly times?: number;
  readonly goAway: { readonly code: number; readonly reason: string };
  /** The side that refuses leaves it to the other one to close. */
  readonly goesOn?: boolean;
  /** Call 1 of the client streams. */
  readonly streams?: boolean;
  /** How call 1 of the client ends. */
  readonly call?: Readonly<Record<string, unknown>>;
}

/** A request that is refused while the connection goes on. */
export interface RefusedCall {
  readonly name: string;
  readonly hex: string;
  readonly answer: string;
}

/** The data file, which `docs/protocol.md` shows as well. */
export interface ProtocolVectors {
  readonly preface: string;
  readonly frames: readonly FrameVector[];
  readonly pieces: readonly PiecesVector[];
  readonly values: readonly ValueVector[];
  readonly refusedValues: readonly { readonly name: string; readonly hex: string; readonly reason: string }[];
  readonly sessions: readonly Session[];
  readonly refused: readonly Refusal[];
  readonly refusedCalls: readonly RefusedCall[];
}

/** What both ends of the vectors' connections bound: the least credit for each stream, as their HELLOs say, so that a few items use it up. */
export const VECTOR_LIMITS = { streamCreditBytes: 65_536 };

/** The vectors of the native protocol. */
export const VECTORS = JSON.parse(
  readFileSync(new URL('./vectors/protocol.json', import.meta.url), 'utf8'),
) as ProtocolVectors;

/** The bytes of hex in the notation of the data file: spaces mean nothing, `00*5` is five bytes. */
export function bytesOf(hex: string): Buffer {
  const parts = hex.split(' ').map((part) => {
    const [, byte, count] = /^([0-9a-f]{2})\*(\d+)$/.exec(part) ?? [];
    if (byte !== undefined) return Buffer.alloc(Number(count), Number.parseInt(byte, 16));
    if (!/^([0-9a-f]{2})*$/.test(part)) throw new Error(`not hex: ${part}`);
    return Buffer.from(part, 'hex');
  });
  return Buffer.concat(parts);
}

/** The bytes of the frame with this name. */
export function frameBytes(name: string): Buffer {
  const vector = VECTORS.frames.find((frame) => frame.name === name);
  if (vector === undefined) throw new Error(`there is no frame "${name}"`);
  return bytesOf(vector.hex);
}

/** A value in the notation of the data file as the value itself. */
export function notated(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(notated);
  if (typeof json !== 'object' || json === null) return json;
  const entries = Object.entries(json);
  const [[tag = '', content] = []] = entries;
  if (!tag.startsWith('$')) return Object.fromEntries(entries.map(([key, value]) => [key, notated(value)]));
  const make = TAGS[tag];
  if (make === undefined) throw new Error(`unknown notation ${tag}`);
  return make(content as never);
}

const TYPED = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
} as const;

const TAGS: Readonly<Record<string, (content: never) => unknown>> = {
  $undefined: () => undefined,
  $bigint: (digits: string) => BigInt(digits),
  $number: (text: string) => Number(text),
  $date: (text: string) => new Date(text),
  $bytes: bytesOf,
  $zeros: (count: number) => Buffer.alloc(count),
  $repeated: ([text, times]: [string, number]) => text.repeat(times),
  $map: (pairs: [unknown, unknown][]) => new Map(pairs.map(([key, value]) => [notated(key), notated(value)])),
  $set: (members: unknown[]) => new Set(members.map(notated)),
  $error: ([name, message]: [string, string]) => Object.assign(new Error(message), { name }),
  $extension: ([type, hex]: [number, string]) => new UnknownExtension(type, Buffer.from(hex, 'hex')),
  $typed: ([name, elements]: [string, (number | string)[]]) => typedArray(name, elements),
};

function typedArray(name: string, elements: readonly (number | string)[]): unknown {
  if (name === 'ArrayBuffer') return Uint8Array.from(elements as number[]).buffer;
  if (name === 'BigInt64Array') return BigInt64Array.from(elements.map(BigInt));
  if (name === 'BigUint64Array') return BigUint64Array.from(elements.map(BigInt));
  return TYPED[name as keyof typeof TYPED].from(elements as number[]);
}
