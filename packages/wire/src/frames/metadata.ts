import { isUtf8 } from 'node:buffer';
import type { Limits, Metadata, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { ProtocolError } from './frame.js';
import { readUint16 } from './numbers.js';

/*
 * The metadata section: pairs one after another, each the bytes of the key (u8), the bytes of the value (u16), key, value. It has
 * its own format and not that of the codec, because it is read before authorization, when the payload must not be read.
 */

const KEY = /^[a-z0-9_][a-z0-9._-]{0,127}$/;
/** Control characters, with which a peer could forge log lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const CONTROL: RegExp = /[\u0000-\u001f\u007f]/;

/** An empty metadata object, shared and frozen. */
export const NO_METADATA: Metadata = Object.freeze(Object.create(null) as Record<string, string>);

/**
 * Encodes metadata, or says what is wrong with it.
 * @returns the bytes, `undefined` for no pairs at all
 * @throws TypeError naming the key and the bound
 */
export function encodeMetadata(
  metadata: Metadata,
  limits: Pick<Limits, 'metadataBytes' | 'metadataKeys'>,
): Buffer | undefined {
  const pairs: string[] = [];
  let total = 0;
  for (const key of Object.keys(metadata)) {
    const value: unknown = metadata[key];
    if (value === undefined) continue;
    if (!KEY.test(key)) {
      throw new TypeError(
        `metadata key ${JSON.stringify(key.slice(0, 64))} must be 1 to 128 of a-z 0-9 . _ - and begin with a letter, digit or _`,
      );
    }
    if (typeof value !== 'string') throw new TypeError(`metadata "${key}" must be a string, not ${typeof value}`);
    if (CONTROL.test(value) || !value.isWellFormed())
      throw new TypeError(`metadata "${key}" contains control characters or half a surrogate pair`);
    total += 3 + key.length + Buffer.byteLength(value);
    if (total > limits.metadataBytes || pairs.length >= 2 * limits.metadataKeys) {
      throw new TypeError(
        `metadata is beyond its limits at "${key}": at most ${limits.metadataKeys} keys and ${limits.metadataBytes} bytes (limits.metadataKeys, limits.metadataBytes)`,
      );
    }
    pairs.push(key, value);
  }
  if (pairs.length === 0) return undefined;
  const bytes = Buffer.allocUnsafe(total);
  let position = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    const key = pairs[i]!;
    const valueBytes = bytes.utf8Write(pairs[i + 1]!, position + 3 + key.length);
    bytes[position] = key.length;
    bytes.writeUInt16BE(valueBytes, position + 1);
    bytes.latin1Write(key, position + 3);
    position += 3 + key.length + valueBytes;
  }
  return bytes;
}

/**
 * Decodes the metadata section `bytes[start, end)`.
 * @throws ProtocolError for anything that {@link encodeMetadata} never writes
 * @throws RpcError RESOURCE_EXHAUSTED when it is beyond the limits: only its call needs to suffer
 */
export function decodeMetadata(
  bytes: Buffer,
  start: number,
  end: number,
  limits: Pick<Limits, 'metadataBytes' | 'metadataKeys'>,
): Metadata {
  if (start === end) return NO_METADATA;
  if (end - start > limits.metadataBytes)
    throw beyond(
      `metadata of ${end - start} bytes is beyond the limit of ${limits.metadataBytes} (limits.metadataBytes)`,
    );
  const metadata = Object.create(null) as Record<string, string>;
  let position = start;
  for (let count = 0; position < end; count++) {
    if (count >= limits.metadataKeys)
      throw beyond(`more than ${limits.metadataKeys} metadata keys (limits.metadataKeys)`);
    const keyStart = position + 3;
    if (keyStart > end) throw new ProtocolError('metadata is cut short');
    const valueStart = keyStart + bytes[position]!;
    position = valueStart + readUint16(bytes, keyStart - 2);
    if (position > end) throw new ProtocolError('metadata is cut short');
    const key = bytes.latin1Slice(keyStart, valueStart);
    if (!KEY.test(key)) throw new ProtocolError('a metadata key has characters that it may not have');
    if (key in metadata) throw new ProtocolError(`metadata key "${key}" occurs twice`);
    metadata[key] = isPrintable(bytes, valueStart, position)
      ? bytes.latin1Slice(valueStart, position)
      : otherText(key, bytes, valueStart, position);
  }
  return metadata;
}

/** Whether a text is ASCII without control characters, as nearly all values are: then there is nothing more to check. */
function isPrintable(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return false;
  return true;
}

function otherText(key: string, bytes: Buffer, start: number, end: number): string {
  if (!isUtf8(bytes.subarray(start, end))) throw new ProtocolError(`metadata "${key}" is not valid UTF-8`);
  const value = bytes.utf8Slice(start, end);
  if (CONTROL.test(value)) throw new ProtocolError(`metadata "${key}" contains control characters`);
  return value;
}

function beyond(reason: string): RpcError {
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused' });
}
