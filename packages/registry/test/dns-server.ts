import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** What a server knows of a name, or how it treats those who ask. */
export type Zone =
  | {
      readonly a?: readonly string[];
      readonly aaaa?: readonly string[];
      readonly srv?: readonly [priority: number, weight: number, port: number, target: string][];
      readonly ttl?: number;
      /** Says over UDP that the answer is too long for it. */
      readonly truncated?: true;
    }
  | 'SERVFAIL'
  | 'silent';

/** A DNS server on the loopback address, over UDP and TCP on one port. */
export interface DnsServer {
  /** For the option `servers`. */
  readonly address: string;
  /** By name, in small letters; all others do not exist. To be changed while it runs. */
  readonly zones: Map<string, Zone>;
  /** What was asked: `udp A users.test`. */
  readonly asked: string[];
  close(): Promise<void>;
}

const TYPES: Readonly<Record<number, string>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' };
const NXDOMAIN = 3;
const SERVFAIL = 2;
const TRUNCATED = 0x0200;

/** Starts one. Sources of the format: RFC 1035, RFC 3596, RFC 2782. */
export async function startDnsServer(zones: Readonly<Record<string, Zone>> = {}): Promise<DnsServer> {
  const known = new Map(Object.entries(zones));
  const asked: string[] = [];
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      const answer = respond(data.subarray(2), known, asked, 'tcp');
      if (answer === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.end(Buffer.concat([length, answer]));
    });
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4', (data, peer) => {
    const answer = respond(data, known, asked, 'udp');
    if (answer !== undefined) udp.send(answer, peer.port, peer.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  return {
    address: `127.0.0.1:${port}`,
    zones: known,
    asked,
    async close() {
      const closed = [once(tcp, 'close'), once(udp, 'close')];
      tcp.close();
      udp.close();
      await Promise.all(closed);
    },
  };
}

function respond(query: Buffer, zones: ReadonlyMap<string, Zone>, asked: string[], over: string): Buffer | undefined {
  const { name, end } = readName(query, 12);
  const type = TYPES[query.readUInt16BE(end)] ?? '?';
  asked.push(`${over} ${type} ${name}`);
  const zone = zones.get(name.toLowerCase());
  if (zone === 'silent') return undefined;
  const question = query.subarray(12, end + 4);
  const id = query.readUInt16BE(0);
  if (zone === undefined) return message(id, NXDOMAIN, question, []);
  if (zone === 'SERVFAIL') return message(id, SERVFAIL, question, []);
  if (zone.truncated && over === 'udp') return message(id, TRUNCATED, question, []);
  const data = type === 'A' ? zone.a?.map(ipv4) : type === 'AAAA' ? zone.aaaa?.map(ipv6) : zone.srv?.map(service);
  return message(
    id,
    0,
    question,
    (data ?? []).map((bytes) => record(query.readUInt16BE(end), zone.ttl ?? 60, bytes)),
  );
}

function message(id: number, flags: number, question: Buffer, answers: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(0x8180 | flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, question, ...answers]);
}

function record(type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  // The name of the question, which begins at byte 12.
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function readName(bytes: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = bytes[at]!; length > 0; length = bytes[at]!) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), end: at + 1 };
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number));
}

/** Takes all eight groups only. */
function ipv6(address: string): Buffer {
  return Buffer.from(
    address
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join(''),
    'hex',
  );
}

function service([priority, weight, port, target]: readonly [number, number, number, string]): Buffer {
  const numbers = Buffer.alloc(6);
  [priority, weight, port].forEach((value, index) => {
    numbers.writeUInt16BE(value, index * 2);
  });
  const labels = target.split('.').filter((label) => label !== '');
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([numbers, ...parts, Buffer.from([0])]);
}
