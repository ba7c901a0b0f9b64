/** The files whose cases mean the same on any wire: run as they are, in `conformance.test.ts`. */
export const NEUTRAL: readonly string[] = [
  'basic',
  'client_cancellation',
  'deadline_propagation',
  'duplicate_metadata',
  'errors',
  'server_empty',
  'server_message_size',
  'timeouts',
];

/** The file whose cases need TLS: run as they are, in `client-certificates.test.ts`. */
export const TLS = 'tls_client_certs';

const ONE_REPLY_FRAME =
  'a reply ends with one frame, RESPONSE, END or ERROR: there is no status beside it that could be missing or contradict it';
const COMPRESSION = 'no header announces compression: a connection has it when both greetings name it';

/** What has no meaning here, and why. All other cases of the other files are played by raw peers, in `raw-peers.test.ts`. */
export const NOT_HERE: Readonly<Record<string, string>> = {
  'grpc_client_unexpected/missing-status': ONE_REPLY_FRAME,
  'grpc_client_unexpected/trailers-only/ignore-header-if-body-present': ONE_REPLY_FRAME,
  'grpc_client_unexpected/trailers-only/ignore-header-if-trailer-present': ONE_REPLY_FRAME,
  'grpc_client_unexpected/unexpected-compression': COMPRESSION,
  'grpc_client_unexpected/unexpected-compressed-message': COMPRESSION,
  'grpc_server_unexpected/unexpected-compression': COMPRESSION,
  'grpc_server_unexpected/unexpected-compressed-message': COMPRESSION,
};
