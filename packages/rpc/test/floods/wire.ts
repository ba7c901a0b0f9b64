/** What a peer sends first: the preface, and a HELLO that promises nothing. */
export const GREETING: Buffer = Buffer.concat([
  Buffer.from([0xc1, 0x52, 0x50, 0x43, 1]),
  frame(1, packed({ version: 1, codec: 'msgpack', messageBytes: 4_194_304, callsInFlight: 4_096, uptimeMs: 0 })),
]);

/** Types of frames, as docs/protocol.md numbers them. */
export const Type = {
  HELLO: 1,
  REQUEST: 2,
  CANCEL: 5,
  PING: 6,
  PONG: 7,
  GOAWAY: 8,
  ITEM: 9,
  END: 10,
  CREDIT: 11,
  CONTINUATION: 12,
} as const;

/** A frame, written by hand. */
export function frame(type: number, body: Buffer = Buffer.alloc(0), id = 0, flags = 0): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt8(type, 4);
  header.writeUInt8(flags, 5);
  header.writeUInt32BE(id, 6);
  return Buffer.concat([header, body]);
}

/** A REQUEST for a method of the service `work`. */
export function request(id: number, method: string, args: readonly Packable[] = [], flags = 0): Buffer {
  const fixed = Buffer.from([0, 0, 0, 0, 0, 128, 0, 0, 4, method.length]);
  return frame(Type.REQUEST, Buffer.concat([fixed, Buffer.from(`work${method}`), packed(args)]), id, flags);
}

/** A CREDIT of so many bytes. */
export function credit(id: number, bytes: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(bytes);
  return frame(Type.CREDIT, body, id);
}

/** A message of MessagePack-RPC. */
export function rpcMessage(...items: readonly Packable[]): Buffer {
  return packed(items);
}

/** The same bytes so many times. */
export function times(count: number, make: Buffer | ((index: number) => Buffer)): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => (typeof make === 'function' ? make(index) : make)));
}

/** What {@link packed} can say: no more than a flood needs. */
export type Packable = string | number | null | readonly Packable[] | { readonly [key: string]: Packable };

function packed(value: Packable): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'string') return Buffer.concat([Buffer.from([0xd9, value.length]), Buffer.from(value)]);
  if (typeof value === 'number') {
    if (value < 128) return Buffer.from([value]);
    const bytes = Buffer.from([0xce, 0, 0, 0, 0]);
    bytes.writeUInt32BE(value, 1);
    return bytes;
  }
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 + value.length]), ...value.map(packed)]);
  const entries = Object.entries(value);
  return Buffer.concat([Buffer.from([0x80 + entries.length]), ...entries.flatMap(([k, v]) => [packed(k), packed(v)])]);
}
