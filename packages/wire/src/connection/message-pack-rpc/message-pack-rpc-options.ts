import { assertBoolean, assertFits, assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';
import type { TextFormat } from '../../codec/foreign-msgpack.js';
import { MESSAGE_ID_MAX } from '../../frames/message-pack-rpc.js';
import type { PeerHandlers } from './peer-requests.js';

/** Options of `messagePackRpc`, for what servers do differently. Every one may be left out. */
export interface MessagePackRpcOptions {
  /**
   * How many calls a server is sent before it has answered, on one connection (default 1,000). 1 for servers that read one
   * request at a time, such as mprpc. Further calls wait, within their deadlines.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * How many connections each server is given, 1 to 64 (default 1), for servers that work on one request of a connection at a time.
   * A call goes to the one with the fewest calls in flight; those beyond `maxInFlight` on each wait for whichever is free first.
   */
  readonly connections?: number | undefined;
  /** The highest id (default 2^31 - 1, since some servers read it as a signed integer); at least `maxInFlight`. */
  readonly maxMessageId?: number | undefined;
  /** How methods are named: `service.method` (default), or the `method` alone for servers that know no services. */
  readonly methodName?: 'service.method' | 'method' | undefined;
  /** Whether the parameters begin with a map, the metadata (default false, then metadata is not sent). For servers of doge. */
  readonly metadataFirst?: boolean | undefined;
  /**
   * How text and bytes are written: `utf8` (default), or `raw` for servers that know only the MessagePack of before 2013: text
   * and bytes have one type, without str 8 and bin, a `Date` is sent as ISO 8601 text, and there are no extensions.
   */
  readonly textFormat?: TextFormat | undefined;
  /**
   * What this client does when its server asks for it, by the name that the server uses; for requests the result is the answer.
   * Default none: requests are answered with UNIMPLEMENTED, notifications ignored. An `RpcError` that a handler throws goes to the
   * server; anything else is a warning of this process, and the server learns that it failed.
   */
  readonly handlers?: PeerHandlers | undefined;
}

/** The options of `messagePackRpc` with every default in place. */
export interface ResolvedMessagePackRpcOptions {
  readonly maxInFlight: number;
  readonly connections: number;
  readonly maxMessageId: number;
  readonly methodName: 'service.method' | 'method';
  readonly metadataFirst: boolean;
  readonly textFormat: TextFormat;
  readonly handlers: PeerHandlers;
}

const KNOWN: readonly string[] = [
  'maxInFlight',
  'connections',
  'maxMessageId',
  'methodName',
  'metadataFirst',
  'textFormat',
  'handlers',
];

/** Checks the options and fills in the defaults. @throws TypeError naming option, value and bound */
export function resolveMessagePackRpcOptions(options: MessagePackRpcOptions): ResolvedMessagePackRpcOptions {
  const where = 'messagePackRpc';
  assertKnownOptions(where, options, KNOWN);
  const {
    maxInFlight = 1000,
    connections = 1,
    maxMessageId = 0x7fff_ffff,
    methodName = 'service.method',
    metadataFirst = false,
    textFormat = 'utf8',
    handlers = {},
  } = options;
  assertNumber(where, 'maxInFlight', maxInFlight, { min: 1, max: 65_535, integer: true });
  assertNumber(where, 'connections', connections, { min: 1, max: 64, integer: true });
  assertNumber(where, 'maxMessageId', maxMessageId, { min: maxInFlight, max: MESSAGE_ID_MAX, integer: true });
  const isName = methodName === 'service.method' || methodName === 'method';
  assertFits(where, 'methodName', "'service.method' or 'method'", methodName, isName);
  assertBoolean(where, 'metadataFirst', metadataFirst);
  assertFits(where, 'textFormat', "'utf8' or 'raw'", textFormat, textFormat === 'utf8' || textFormat === 'raw');
  assertObject(where, 'handlers', handlers);
  for (const [name, handler] of Object.entries(handlers))
    assertFits(where, `handlers.${name}`, 'a function', handler, typeof handler === 'function');
  return { maxInFlight, connections, maxMessageId, methodName, metadataFirst, textFormat, handlers };
}
