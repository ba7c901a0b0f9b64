import { assertBoolean, assertFits, assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';
import type { TextFormat } from '../../codec/foreign-msgpack.js';
import { MESSAGE_ID_MAX } from '../../frames/message-pack-rpc.js';
import type { PeerHandlers } from './peer-requests.js';

/** Options of `messagePackRpc`, for differences between servers. Every option may be left out. */
export interface MessagePackRpcOptions {
  /**
   * How many unanswered calls one connection may have (default 1,000). Use 1 for servers that read one request at a time, such
   * as mprpc. Further calls wait, within their deadlines.
   */
  readonly maxInFlight?: number | undefined;
  /**
   * How many connections each server gets, 1 to 64 (default 1), for servers that work on one request of a connection at a time. A call goes
   * to the connection with the fewest calls in flight; when each has `maxInFlight`, further calls wait for the first that is free.
   */
  readonly connections?: number | undefined;
  /** The highest message id (default 2^31 - 1, since some servers read ids as signed integers); at least `maxInFlight`. */
  readonly maxMessageId?: number | undefined;
  /** How methods are named: `service.method` (default), or the `method` alone for servers that know no services. */
  readonly methodName?: 'service.method' | 'method' | undefined;
  /** Whether the parameters begin with a map that holds the metadata, for doge servers (default false: no metadata is sent). */
  readonly metadataFirst?: boolean | undefined;
  /**
   * How text and bytes are written: `utf8` (default), or `raw` for servers that know only MessagePack from before 2013: text
   * and bytes have one type, without str 8 and bin, a `Date` is sent as ISO 8601 text, and extensions are not used.
   */
  readonly textFormat?: TextFormat | undefined;
  /**
   * Handlers for requests and notifications from the server, by the name that the server uses; the result answers a request.
   * Default: none, so requests are answered with `UNIMPLEMENTED` and notifications are ignored. An `RpcError` that a handler throws goes to
   * the server. Any other error becomes a warning of this process, and the server learns only that the request failed.
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
