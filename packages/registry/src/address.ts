import { isIPv6 } from 'node:net';
import { describeValue } from '@org/rpc-core/internal';
import type { Endpoint } from './endpoint.js';
import { readEndpoint } from './endpoint-data.js';

/** The part of an {@link Endpoint} that says where it is reached. */
export type EndpointLocation = Pick<Endpoint, 'host' | 'port' | 'path'>;

/**
 * Reads what `endpointAddress` writes: `host:port`, `[IPv6]:port` or `unix:/path`.
 *
 * @param where - whose address it is, for the message: `direct`
 * @throws TypeError that names the address and what is wrong with it
 */
export function parseAddress(where: string, text: unknown): EndpointLocation {
  if (typeof text !== 'string') throw new TypeError(`${where}: an address must be text, got ${describeValue(text)}`);
  const place = `${where}: ${describeValue(text)}`;
  if (text.startsWith('unix:')) {
    const { host, port, path } = readEndpoint(place, { id: text, path: text.slice('unix:'.length) });
    return { host, port, path };
  }
  const bracketed = /^\[([^\]]*)\]:(\d+)$/.exec(text);
  const [, host, port] = bracketed ?? /^([^:[\]]*):(\d+)$/.exec(text) ?? [];
  if (host === undefined || (bracketed !== null && !isIPv6(host))) {
    throw new TypeError(`${place} must be host:port, [IPv6]:port or unix:/path`);
  }
  const endpoint = readEndpoint(place, { id: text, host, port: Number(port) });
  return { host: endpoint.host, port: endpoint.port };
}
