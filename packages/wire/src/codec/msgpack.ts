import { DEFAULT_LIMITS, type Limits } from '@org/rpc-core';
import { BoundedDecoder } from './bounded-decoder.js';
import { type Codec, CodecError, type DecodeMessage, type EncodeTarget } from './codec.js';
import { extraBytesOf, LARGE_EXTRA_BYTES, withExtraBytes } from './extra-bytes.js';
import { FastEncoder } from './fast-encoder.js';
import { KeyCache } from './key-cache.js';
import { PlainCheck } from './plain-check.js';
import type { Dialect } from './unsupported.js';
import { explainUnsupported, reasonText } from './value-path.js';
import { createViewCache } from './view-cache.js';

/** Two values written to the same place would overwrite each other. */
const SAME_TARGET = 'a value is being encoded to this target already: a getter of it must not send another';

/** Options of {@link msgpack}. */
export interface MsgpackOptions {
  /**
   * What to do with an extension type that is not ours: `refuse` the message (the default), or `keep` the value as an
   * `UnknownExtension`, which can be sent on as it came.
   */
  readonly unknownExtensions?: 'refuse' | 'keep';
  /**
   * What to do with a str that is not UTF-8: `refuse` the message (the default), or `keep` its bytes as a `Uint8Array`. Programs
   * that know one type for text and bytes send both as str, which MessagePack allows. Keys of maps are refused either way.
   */
  readonly malformedText?: 'refuse' | 'keep';
  /**
   * Largest encoded value in bytes, from 1 to 2^31 - 1 (default 64 MiB). It stops a value such as `new Array(1e9)` before memory
   * runs out; the limits of a connection bound what it may send in addition.
   */
  readonly maximumBytes?: number;
  /**
   * Most elements of an encoded value, counted as `limits.messageElements` does, from 1 to 2^31 - 1 (default 1,000,000, as
   * there): what a peer would refuse is refused before anything is sent. Raise it together with that limit of the receivers.
   */
  readonly maximumElements?: number;
}

/**
 * The default codec: MessagePack, with extensions for what JavaScript has besides (`undefined`, `bigint`, `Date`, `Map`, `Set`,
 * `Error`, typed arrays). Strict both ways: what would not arrive as it was sent is refused with its path, and nothing
 * that a peer sends can cost more memory than its bytes allow. A property that is `undefined` is left out, a `Buffer` stands
 * for every `Uint8Array`, an `Error` keeps its name and message only.
 *
 * Wraps `@msgpack/msgpack`, whose encoder and decoder it extends. One value serves any number of connections.
 * @throws TypeError when an option is out of range
 */
export function msgpack(options: MsgpackOptions = {}): Codec {
  return createMsgpack({ ...resolveMsgpackOptions(options), dialect: 'ours' });
}

/** Makes a codec of MessagePack in one of the dialects. */
export function createMsgpack(settings: MsgpackSettings): Codec {
  const { dialect, keepUnknown, keepMalformed, maximumBytes, maximumElements } = settings;
  const shared = new FastEncoder(maximumBytes, maximumElements, dialect);
  /** What is being written to, the looking for a path included: one at most, unless a value encodes another. */
  const busy: EncodeTarget[] = [];
  const views = createViewCache();
  return {
    name: 'msgpack',
    encode(value: unknown, target: EncodeTarget): void {
      if (busy.includes(target)) throw new CodecError(SAME_TARGET);
      // Only busy when a getter or a proxy inside a value encodes another value: that one gets an encoder of its own.
      const encoder = busy.length === 0 ? shared : new FastEncoder(maximumBytes, maximumElements, dialect);
      busy.push(target);
      try {
        encoder.append(value, target);
      } catch (error) {
        throw error === encoder.broken
          ? error
          : explained(error, value, encoder.hasTooMany ? maximumElements : undefined, dialect);
      } finally {
        busy.pop();
      }
    },
    createDecoder(limits: Limits): DecodeMessage {
      const isForeign = dialect !== 'ours';
      const keys = new KeyCache();
      const decoder = new BoundedDecoder({ limits, keepUnknown, keepMalformed, isForeign, views, keys });
      const check = new PlainCheck(limits);
      let extra = 0;
      const decode = (bytes: Buffer, start: number, end: number, mayKeep = false): unknown => {
        const value = decoder.decodeMessage(bytes, start, end, mayKeep);
        extra = decoder.extraBytes;
        if (extra > LARGE_EXTRA_BYTES && check.isPlain(bytes, start, end)) extra = extraBytesOf(check);
        return value;
      };
      return withExtraBytes(decode, () => extra);
    },
  };
}

/** What a codec of MessagePack is made of. */
export interface MsgpackSettings extends ResolvedMsgpackOptions {
  readonly dialect: Dialect;
}

interface ResolvedMsgpackOptions {
  readonly keepUnknown: boolean;
  readonly keepMalformed: boolean;
  readonly maximumBytes: number;
  readonly maximumElements: number;
}

function resolveMsgpackOptions(options: MsgpackOptions): ResolvedMsgpackOptions {
  const {
    unknownExtensions = 'refuse',
    malformedText = 'refuse',
    maximumBytes = 64 * 1024 * 1024,
    maximumElements = DEFAULT_LIMITS.messageElements,
    ...unknown
  } = options;
  const [name] = Object.keys(unknown);
  if (name !== undefined) {
    throw new TypeError(
      `msgpack() has no option ${name}; it has unknownExtensions, malformedText, maximumBytes and maximumElements`,
    );
  }
  for (const [option, value] of Object.entries({ unknownExtensions, malformedText })) {
    if (value !== 'refuse' && value !== 'keep')
      throw new TypeError(`${option} of msgpack() must be 'refuse' or 'keep', not ${String(value)}`);
  }
  for (const [option, value] of Object.entries({ maximumBytes, maximumElements })) {
    if (!Number.isInteger(value) || value < 1 || value > 2 ** 31 - 1)
      throw new TypeError(`${option} of msgpack() must be an integer from 1 to 2147483647, not ${String(value)}`);
  }
  return {
    keepUnknown: unknownExtensions === 'keep',
    keepMalformed: malformedText === 'keep',
    maximumBytes,
    maximumElements,
  };
}

function explained(error: unknown, value: unknown, maximumElements: number | undefined, dialect: Dialect): CodecError {
  const reason = explainUnsupported(value, maximumElements, dialect);
  if (reason !== undefined) return new CodecError(reason);
  // The second walk found nothing: a getter failed only once, or the value changes while it is read.
  return new CodecError(`value at $ could not be encoded: ${reasonText(error)}`);
}
