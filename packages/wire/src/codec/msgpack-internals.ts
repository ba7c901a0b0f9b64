import { Decoder as StockDecoder, Encoder as StockEncoder } from '@msgpack/msgpack';
import type { Chunk } from './codec.js';

/*
 * The private members of @msgpack/msgpack that the codec overrides or reads, as they are in 3.1.3. The dependency is pinned to
 * that exact version and `msgpack-internals.test.ts` fails when any of them is missing, so an upgrade cannot pass unseen.
 * TypeScript does not let a subclass use members that are declared private; only this file works around that.
 */

/** The pool of half-built arrays and maps of a {@link Decoder}. */
export interface DecoderStack {
  /** How many containers are open. */
  readonly length: number;
  /** The innermost open container; `map` and how many of its values are there are of maps only. */
  top(): { map: Record<string, unknown>; readonly readCount: number; readonly size: number } | undefined;
  /** Allocates the array at once, with all of its `size` places. */
  pushArrayState(size: number): void;
  pushMapState(size: number): void;
  /** Drops all open containers, and the pooled states with them. */
  reset(): void;
}

/** What a subclass of the library's decoder may use. */
export interface DecoderMembers {
  bytes: Buffer;
  /** Over the same memory as `bytes`; every number is read through it, so it also stops reads beyond the chunk. */
  view: DataView;
  pos: number;
  /** The type byte of the value being read, -1 between two values. */
  headByte: number;
  readonly stack: DecoderStack;
  /** Reads one value at `pos`; the loop is iterative, depth costs no call stack. */
  doDecodeSync(): unknown;
  /** Called for arrays and maps that are not empty, after their header was read. */
  pushArrayState(size: number): void;
  pushMapState(size: number): void;
  /** These three are called with `pos` after the type byte and `headerBytes` of length still to be skipped. */
  decodeUtf8String(byteLength: number, headerBytes: number): string;
  decodeBinary(byteLength: number, headerBytes: number): Uint8Array;
  decodeExtension(byteLength: number, headerBytes: number): unknown;
  stateIsMapKey(): boolean;
  readU64(): number | bigint;
  readI64(): number | bigint;
}

/** What a subclass of the library's encoder may use. */
export interface EncoderMembers {
  bytes: Chunk['bytes'];
  view: Chunk['view'];
  pos: number;
  doEncode(value: unknown, depth: number): void;
  encodeNumber(value: number): void;
  encodeNumberAsFloat(value: number): void;
  encodeBigInt64(value: bigint): void;
  encodeString(value: string): void;
  encodeObject(value: object, depth: number): void;
  encodeArray(values: readonly unknown[], depth: number): void;
  encodeMap(object: Readonly<Record<string, unknown>>, depth: number): void;
  encodeBinary(value: ArrayBufferView): void;
  encodeExtension(extension: { readonly type: number; readonly data: Uint8Array }): void;
  /** Makes sure of room at `pos`; every write goes through it. */
  ensureBufferSizeToWrite(bytes: number): void;
  writeU8(value: number): void;
  writeU16(value: number): void;
  writeU32(value: number): void;
  writeU8a(values: Uint8Array): void;
}

interface DecoderOptions {
  readonly mapKeyConverter: (key: unknown) => string;
}

interface EncoderOptions {
  /** The encoder works in memory that is lent to it; its own first buffer is never used. */
  readonly initialBufferSize: number;
}

/** The library's decoder with its private members open to subclasses. */
export const Decoder = StockDecoder as unknown as new (options: DecoderOptions) => DecoderMembers;

/** The library's encoder with its private members open to subclasses. */
export const Encoder = StockEncoder as unknown as new (options: EncoderOptions) => EncoderMembers;
