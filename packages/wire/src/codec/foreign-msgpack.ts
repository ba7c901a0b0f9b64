import { DEFAULT_LIMITS } from '@org/rpc-core';
import type { Codec } from './codec.js';
import { createMsgpack } from './msgpack.js';

/** How text and bytes are written: as MessagePack has it since 2013, or `raw` for peers that know one type for both and no extensions. */
export type TextFormat = 'utf8' | 'raw';

/**
 * MessagePack as programs of other languages speak it. Our extensions are neither written nor read, because the same number may
 * mean another type there. What arrives: maps with other keys than texts as `Map`, extensions but the timestamp as
 * `UnknownExtension`, a str that is not UTF-8 as its bytes. What is sent: `undefined` as nil, and `Map`, `Set`, `Error`, typed
 * arrays and large integers as what comes closest (see docs/message-pack-rpc.md).
 */
export function foreignMsgpack(textFormat: TextFormat = 'utf8'): Codec {
  return createMsgpack({
    dialect: textFormat === 'raw' ? 'raw' : 'common',
    keepUnknown: true,
    keepMalformed: true,
    maximumBytes: 64 * 1024 * 1024,
    maximumElements: DEFAULT_LIMITS.messageElements,
  });
}
