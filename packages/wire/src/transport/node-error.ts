import { TLS_MEANINGS } from './tls-error.js';

/** What the system's codes mean for someone who runs services, and what to do. */
const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'connection reset by the other end',
  EPIPE: 'connection closed by the other end',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name lookup failed for now',
  EMFILE: 'too many open files in this process: raise `ulimit -n`',
  ENFILE: 'too many open files on this machine',
  EADDRINUSE: 'the address is taken by another process: stop it or choose another port',
  EADDRNOTAVAIL: 'the address does not belong to this machine, or no local port is free',
  EACCES: 'permission denied: ports below 1024 and foreign socket files need rights',
  ENOENT: 'no such socket file',
};

/**
 * Turns an error of Node.js into one whose message a person can act on; the original is its cause.
 * @param where - what was tried, put first; left out where whoever catches it names the address
 */
export function describeNodeError(error: Error, where?: string): Error & { code?: string } {
  const code = (error as NodeJS.ErrnoException).code;
  const meaning = (code !== undefined && (MEANINGS[code] ?? TLS_MEANINGS[code])) || error.message;
  const text = `${meaning}${code === undefined ? '' : ` (${code})`}`;
  const described: Error & { code?: string } = new Error(where === undefined ? text : `${where}: ${text}`, {
    cause: error,
  });
  if (code !== undefined) described.code = code;
  return described;
}
