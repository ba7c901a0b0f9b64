import type { Code, Limits, Metadata, RpcError } from '@org/rpc-core';
import { CODE_NUMBERS, rpcError } from '@org/rpc-core/internal';
import type { Codec, DecodeMessage } from '../codec/codec.js';
import { createScanner } from '../codec/scanner.js';
import { ProtocolError } from './frame.js';
import type { FrameTarget } from './frame-writer.js';
import { CONTROL } from './metadata.js';

/*
 * MessagePack-RPC (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md): MessagePack arrays one after another,
 * without frames. `[0, id, method, params]` asks, `[1, id, error, result]` answers, `[2, method, params]` asks for no answer.
 */

/** The first item of a message. */
export const RpcMessageType = { REQUEST: 0, RESPONSE: 1, NOTIFICATION: 2 } as const;

/** The highest id of the specification. */
export const MESSAGE_ID_MAX = 0xffff_ffff;

/** Longest name that is read at all: a service, a dot and a method. */
const METHOD_BYTES_MAX = 401;

/** Longer errors are cut: they are read by people. */
const ERROR_LENGTH_MAX = 4096;

/** The part of a message before its values. */
export interface RpcMessageHead {
  readonly type: number;
  /** 0 for a notification; of a response, whatever integer came. */
  readonly id: number;
  /** As text; `undefined` when it is neither a str nor a bin, or longer than any name. Responses have none. */
  readonly method: string | undefined;
  /** Where the parameters begin, or a response's error. */
  readonly start: number;
}

/** Whether a connection that begins with this byte speaks MessagePack-RPC: an array of three or four, or one with a long header. */
export function isMessagePackRpc(firstByte: number): boolean {
  return firstByte === 0x93 || firstByte === 0x94 || firstByte === 0xdc || firstByte === 0xdd;
}

/**
 * Reads the head of the message `bytes[start, end)`, which is one whole MessagePack value: it looks only at headers, so that a
 * message may be refused before its values are decoded.
 * @throws ProtocolError when it is no message of MessagePack-RPC
 */
export function readRpcHead(bytes: Buffer, start: number): RpcMessageHead {
  const cursor = { position: start };
  const items = readArrayHeader(bytes, cursor);
  const type = items > 0 ? readInteger(bytes, cursor) : undefined;
  if (type === RpcMessageType.NOTIFICATION && items === 3) {
    const method = readMethod(bytes, cursor);
    return { type, id: 0, method, start: cursor.position };
  }
  if ((type !== RpcMessageType.REQUEST && type !== RpcMessageType.RESPONSE) || items !== 4) {
    const what = type === undefined ? 'something else' : `type ${type} with ${items} items`;
    throw new ProtocolError(
      `a message is [0, id, method, params], [1, id, error, result] or [2, method, params], not ${what}`,
    );
  }
  const id = readInteger(bytes, cursor);
  if (type === RpcMessageType.RESPONSE) return { type, id: id ?? -1, method: undefined, start: cursor.position };
  if (id === undefined || id < 0 || id > MESSAGE_ID_MAX)
    throw new ProtocolError(`the id of a request is an integer from 0 to ${MESSAGE_ID_MAX}`);
  const method = readMethod(bytes, cursor);
  return { type, id, method, start: cursor.position };
}

/** The id of the request that begins at `start` and has arrived up to `end`: `undefined` when it can't be read. */
export function readRequestId(bytes: Buffer, start: number, end: number): number | undefined {
  const cursor = { position: start };
  if (readArrayHeader(bytes, cursor) !== 4 || readInteger(bytes, cursor) !== RpcMessageType.REQUEST) return undefined;
  const id = readInteger(bytes, cursor);
  if (cursor.position > end || !Number.isInteger(id) || id! < 0 || id! > MESSAGE_ID_MAX) return undefined;
  return id;
}

/** Appends `[0, id, method, params]`. @throws CodecError when the arguments cannot be encoded; roll the target back then */
export function writeRpcRequest(
  target: FrameTarget,
  codec: Codec,
  id: number,
  method: string,
  args: readonly unknown[],
): void {
  putHead(target, 0x94, RpcMessageType.REQUEST);
  codec.encode(id, target);
  codec.encode(method, target);
  codec.encode(args, target);
}

/** Appends `[2, method, params]`. @throws CodecError when the arguments cannot be encoded; roll the target back then */
export function writeRpcNotification(
  target: FrameTarget,
  codec: Codec,
  method: string,
  args: readonly unknown[],
): void {
  putHead(target, 0x93, RpcMessageType.NOTIFICATION);
  codec.encode(method, target);
  codec.encode(args, target);
}

/**
 * Appends `[1, id, nil, result]`. A result of `undefined` is nil, since other languages have only that for nothing.
 * @throws CodecError when the result cannot be encoded; roll the target back then
 */
export function writeRpcResult(target: FrameTarget, codec: Codec, id: number, value: unknown): void {
  putHead(target, 0x94, RpcMessageType.RESPONSE);
  codec.encode(id, target);
  codec.encode(null, target);
  codec.encode(value === undefined ? null : value, target);
}

/** Appends `[1, id, text, nil]`: every peer can show a text, but not a map. */
export function writeRpcError(target: FrameTarget, codec: Codec, id: number, text: string): void {
  putHead(target, 0x94, RpcMessageType.RESPONSE);
  codec.encode(id, target);
  codec.encode(text.slice(0, ERROR_LENGTH_MAX).toWellFormed(), target);
  codec.encode(null, target);
}

function putHead(target: FrameTarget, arrayByte: number, type: number): void {
  const start = target.reserve(2);
  target.chunk.bytes[start] = arrayByte;
  target.chunk.bytes[start + 1] = type;
  target.position = start + 2;
}

interface Cursor {
  position: number;
}

/** How many items the array at the cursor has, -1 when there is no array. */
function readArrayHeader(bytes: Buffer, cursor: Cursor): number {
  const byte = bytes[cursor.position++]!;
  if (byte >= 0x90 && byte <= 0x9f) return byte & 0x0f;
  if (byte === 0xdc) return readUnsigned(bytes, cursor, 2);
  if (byte === 0xdd) return readUnsigned(bytes, cursor, 4);
  return -1;
}

/** Integers in any of their forms; `undefined` when there is something else. Beyond 2^53 they are not exact. */
function readInteger(bytes: Buffer, cursor: Cursor): number | undefined {
  const byte = bytes[cursor.position++]!;
  if (byte < 0x80) return byte;
  if (byte >= 0xe0) return byte - 256;
  if (byte >= 0xcc && byte <= 0xcf) return readUnsigned(bytes, cursor, 1 << (byte - 0xcc));
  if (byte < 0xd0 || byte > 0xd3) return undefined;
  const length = 1 << (byte - 0xd0);
  const negative = bytes[cursor.position]! >= 0x80;
  const value = readUnsigned(bytes, cursor, length);
  return negative ? value - 2 ** (8 * length) : value;
}

function readUnsigned(bytes: Buffer, cursor: Cursor, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + bytes[cursor.position++]!;
  return value;
}

/** A name, as str or as bin. The cursor moves only when there is one. */
function readMethod(bytes: Buffer, cursor: Cursor): string | undefined {
  const byte = bytes[cursor.position++]!;
  let length: number;
  if (byte >= 0xa0 && byte <= 0xbf) length = byte & 0x1f;
  else if (byte >= 0xd9 && byte <= 0xdb) length = readUnsigned(bytes, cursor, 1 << (byte - 0xd9));
  else if (byte >= 0xc4 && byte <= 0xc6) length = readUnsigned(bytes, cursor, 1 << (byte - 0xc4));
  else return undefined;
  const start = cursor.position;
  cursor.position += length;
  // Names are ASCII: others will not be found.
  return length > METHOD_BYTES_MAX ? undefined : bytes.latin1Slice(start, start + length);
}

/**
 * Reads the metadata of a MessagePack-RPC call whose parameters `bytes[start, end)` begin with them, and nothing that follows:
 * the call is not authorized yet. Peers of other languages do not know our rules for keys: any key is taken as it is, and numbers
 * and booleans, also as keys, are taken as texts.
 * @throws RpcError when the first parameter is no map of texts within the limits
 */
export function readLeadingMetadata(
  decode: DecodeMessage,
  bytes: Buffer,
  start: number,
  end: number,
  limits: Limits,
): Metadata {
  try {
    const first = start + arrayHeaderBytes(bytes[start]!);
    if (first === start || first >= end) throw new TypeError('there is none');
    const next = createScanner({ ...limits, messageBytes: limits.metadataBytes }).push(bytes, first, end);
    const value = decode(bytes, first, next);
    return metadataFrom(entriesOf(value), limits);
  } catch (error) {
    const reason = `the first parameter must be a map of texts, the metadata: ${(error as Error).message}`;
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused' });
  }
}

/** How long the header is that begins with this byte, 0 when it is not that of an array. */
function arrayHeaderBytes(byte: number): number {
  if (byte > 0x90 && byte <= 0x9f) return 1;
  if (byte === 0xdc) return 3;
  return byte === 0xdd ? 5 : 0;
}

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (value instanceof Map) return value as Map<unknown, unknown>;
  if (!isPlainMap(value)) throw new TypeError('it is something else');
  return Object.entries(value);
}

function isPlainMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function metadataFrom(entries: Iterable<readonly [unknown, unknown]>, limits: Limits): Metadata {
  const { metadataBytes, metadataKeys } = limits;
  const metadata = Object.create(null) as Record<string, string>;
  let bytes = 0;
  let keys = 0;
  for (const [rawKey, rawValue] of entries) {
    const key = metadataText(rawKey, 'a key');
    const name = JSON.stringify(key.slice(0, 64));
    const value = metadataText(rawValue, name);
    // As our own wire counts them.
    bytes += 3 + Buffer.byteLength(key) + Buffer.byteLength(value);
    if (++keys > metadataKeys || bytes > metadataBytes)
      throw new TypeError(
        `beyond the limits at ${name}: at most ${metadataKeys} keys and ${metadataBytes} bytes (limits.metadataKeys, limits.metadataBytes)`,
      );
    if (key in metadata) throw new TypeError(`the key ${name} occurs twice`);
    metadata[key] = value;
  }
  return metadata;
}

function metadataText(value: unknown, what: string): string {
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') throw new TypeError(`${what} must be a text or a number`);
  if (CONTROL.test(value)) throw new TypeError(`${what} contains control characters`);
  return value;
}

const CODE_AND_REASON = /^([A-Z_]+): ([\s\S]*)$/;

/** Reasons are read by people. */
const REASON_LENGTH_MAX = 4096;

/** Names that other languages give the text of an error, the most usual first. */
const TEXT_KEYS: readonly string[] = ['message', 'msg', 'reason', 'error', 'description', 'detail'];

/**
 * The error of a MessagePack-RPC answer as one of ours. It may be a text, an array such as `[type, text]`, a map such as `{
 * message: text }`, or anything else. The code is `UNKNOWN` unless the text begins with one of our codes; `details` has the value
 * as it came.
 */
export function errorFromValue(value: unknown): RpcError {
  const text = textOf(value) ?? textWithin(value);
  const reason = (text ?? 'the server answered with an error that is no text; see details').slice(0, REASON_LENGTH_MAX);
  const [, code, rest] = CODE_AND_REASON.exec(reason) ?? [];
  const facts = { details: value, progress: 'processed', hasStack: false } as const;
  const isCode = code !== undefined && Object.hasOwn(CODE_NUMBERS, code);
  return isCode ? rpcError(code as Code, rest ?? '', facts) : rpcError('UNKNOWN', reason, facts);
}

/** The text of an array, where the second place is that of Neovim, or of a map. */
function textWithin(value: unknown): string | undefined {
  if (Array.isArray(value)) return textOf(value[1]) ?? firstText(value);
  if (!(value instanceof Map) && !isPlainMap(value)) return undefined;
  const fields = new Map<unknown, unknown>(value instanceof Map ? value : Object.entries(value));
  for (const key of TEXT_KEYS) {
    const text = textOf(fields.get(key));
    if (text !== undefined) return text;
  }
  return firstText(fields.values());
}

function firstText(values: Iterable<unknown>): string | undefined {
  for (const value of values) {
    const text = textOf(value);
    if (text !== undefined) return text;
  }
  return undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : undefined;
}
