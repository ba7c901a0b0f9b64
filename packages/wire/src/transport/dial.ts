import type { Clock } from '@org/rpc-core';
import type { Dial } from './byte-stream.js';
import { dialTcp } from './tcp.js';
import { dialTls } from './tls.js';
import type { ClientTlsSource } from './tls-source.js';

/**
 * How a client dials TCP and unix sockets. Whether with TLS is decided here once: a client that was made with it has no way to dial
 * without.
 * @param tls - read at each dial, since certificates change; `undefined` for none
 */
export function createDial(clock: Clock, tls: ClientTlsSource | undefined): Dial {
  return tls === undefined ? (target) => dialTcp(clock, target) : (target) => dialTls(clock, tls.current, target);
}
