export { allowManyCalls, type LinkedSignal, linkSignals } from './cancel.js';
export {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertList,
  assertNumber,
  assertObject,
  type NumberBounds,
  PRIORITY_BOUNDS,
  TIMEOUT_BOUNDS,
} from './check.js';
export { CODE_NUMBERS, codeFromNumber, isCode } from './code.js';
export { allocateChunk } from './codec/codec.js';
export { createScanner, type Scanner, type ScannerLimits } from './codec/scanner.js';
export { ClientConnection } from './connection/client-connection.js';
export type { ClientConnectionObserver, ClientConnectionOptions } from './connection/client-connection-options.js';
export type { CallConnection } from './connection/client-protocol.js';
export { type ResolvedCompression, resolveCompression } from './connection/compression-options.js';
export { IncomingCall, type MethodEntry } from './connection/incoming-call.js';
export { ItemQueue } from './connection/item-queue.js';
export { iteratorOf, type Pumping, pump } from './connection/pump.js';
export { type RefusalOptions, refuseStream } from './connection/refuse-stream.js';
export { ServerConnection } from './connection/server-connection.js';
export type { ServedConnection, ServerConnectionOptions, ServerHost } from './connection/server-host.js';
export { runInContext } from './context.js';
export { assertServiceDefinition } from './contract.js';
export { describeValue } from './describe-value.js';
export { parseAddress } from './discovery/address.js';
export { uptimeMs } from './discovery/endpoint.js';
export { readEndpoint, readInstance } from './discovery/endpoint-data.js';
export { registryFromEnvironment, resolveNamespace } from './discovery/from-environment.js';
export { createMemoryRules, createMemoryStore, type MemoryRules, openMemoryRules } from './discovery/memory-rules.js';
export { type RegistrySchemes, registryFromString } from './discovery/registry-string.js';
export { formatReport, parseReport, REPORT_TTL_MS, REPORTS_MAX } from './discovery/rules-report-text.js';
export { refusedRegistration } from './discovery/settled-registration.js';
export { nextSnapshot, sameSnapshot, staleSnapshot } from './discovery/snapshot.js';
export { createTextWatches, type TextWatches } from './discovery/text-watches.js';
export { createWatchList, type ServiceView, type WatchList } from './discovery/watch-list.js';
export { type CallFacts, rpcError } from './error.js';
export { everySecond } from './housekeeping.js';
export { isPromise } from './is-promise.js';
export { isLate, markLate } from './late.js';
export { resolveLimits } from './limits.js';
export {
  assertName,
  isReservedMethodName,
  NAME_BYTES_MAX,
  nearestName,
  RESERVED_METHOD_NAMES,
  type ReservedMethodName,
} from './names.js';
export type { Hello } from './protocol/hello.js';
export { encodeMetadata } from './protocol/metadata.js';
export { randomId } from './random.js';
export { nextRules, RULES_HISTORY_MAX, rulesConflict, storedRules } from './rules/next-rules.js';
export { readJson } from './rules/read-json.js';
export { parseRules, RULES_BYTES_MAX, readRules } from './rules/read-rules.js';
export { ruleModeFor, rulePosition } from './rules/rule-position.js';
export { RULE_POLICIES } from './rules/rules-document.js';
export { validateArgs, validateResult } from './schema.js';
export { fuseGates, stack, wireName } from './service.js';
export { assertLayersFit, isStreamKind } from './stream-kind.js';
export { surface } from './surface.js';
export { TimerQueue } from './timer-queue.js';
export type { ListenTarget } from './transport/bind-server.js';
export type { ByteReceiver, ByteStream, Dial, DialTarget, Listener } from './transport/byte-stream.js';
export { memoryPair } from './transport/memory.js';
export { dialTcp, listenTcp } from './transport/tcp.js';
export { ALPN_PROTOCOL, dialTls } from './transport/tls.js';
export { listenTls, type TlsListenOptions } from './transport/tls-listener.js';
export type { ResolvedClientTls, ResolvedServerTls } from './transport/tls-options.js';
export {
  type ClientTlsSource,
  createClientTls,
  createServerTls,
  type ServerTlsSource,
  type TlsSource,
} from './transport/tls-source.js';
export { cancelledError, sleep, type Waiting, waitFor } from './wait.js';
