import { plainText } from '@org/rpc-core/internal';
import { EtcdError, type EtcdErrorKind } from './etcd-port.js';

/**
 * Types an error of npm etcd3 or gRPC. etcd3 keeps neither code nor cause when it wraps one, only the name of its class.
 *
 * @param where - put before the message: `etcd 10.0.0.1:2379`
 * @param secret - never shown
 */
export function etcdErrorOf(thrown: unknown, where: string, secret?: string): EtcdError {
  if (thrown instanceof EtcdError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const message = secret ? error.message.replaceAll(secret, '***') : error.message;
  // No cause: its message may hold the secret.
  return new EtcdError(kindOf(error, message), `${where}: ${plainText(readable(message))}`);
}

/** gRPC's text without what means nothing to people: the number, the wrapping and the empty notes at the end. */
function readable(message: string): string {
  const inner = /No connection established\. Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(
    message,
  )?.[1];
  // gRPC is still trying to connect: nobody answers.
  if (inner === 'null' || inner === 'undefined' || inner === '') return 'no connection could be made in time';
  return inner ?? message.replace(/^\d+ [A-Z_]+: /, '');
}

function kindOf(error: Error, message: string): EtcdErrorKind {
  for (const [pattern, kind] of BY_MESSAGE) if (pattern.test(message)) return kind;
  const byName = BY_NAME.get(error.constructor.name);
  if (byName !== undefined) return byName;
  const { code } = error as { code?: unknown };
  return (typeof code === 'number' ? BY_CODE.get(code) : undefined) ?? 'other';
}

/** What etcd itself says; its status codes are coarser, and a cancelled watch has none. Source: etcd, api/v3rpc/rpctypes/error.go. */
const BY_MESSAGE: readonly (readonly [RegExp, EtcdErrorKind])[] = [
  [/requested lease not found/, 'leaseNotFound'],
  [/has been compacted/, 'compacted'],
  [/authentication failed/i, 'unauthenticated'],
  [/permission denied|invalid auth token|user name is empty|authentication is not enabled/i, 'denied'],
  [/space exceeded/, 'exhausted'],
];

const BY_NAME: ReadonlyMap<string, EtcdErrorKind> = new Map([
  ['EtcdLeaseInvalidError', 'leaseNotFound'],
  ['EtcdPermissionDeniedError', 'denied'],
  ['EtcdInvalidAuthTokenError', 'denied'],
  ['EtcdAuthenticationFailedError', 'unauthenticated'],
  ['GRPCUnauthenticatedError', 'denied'],
  ['GRPCResourceExhastedError', 'exhausted'],
  ['GRPCDeadlineExceededError', 'deadline'],
  ['GRPCUnavailableError', 'unavailable'],
  ['GRPCCancelledError', 'unavailable'],
  ['GRPCInternalError', 'unavailable'],
  ['ClientClosedError', 'unavailable'],
]);

/** Numbers of https://grpc.io/docs/guides/status-codes/, for the errors of streams, which etcd3 passes on as they are. */
const BY_CODE: ReadonlyMap<number, EtcdErrorKind> = new Map([
  [1, 'unavailable'],
  [4, 'deadline'],
  [7, 'denied'],
  [8, 'exhausted'],
  [13, 'unavailable'],
  [14, 'unavailable'],
  [16, 'denied'],
]);
