import {
  type Client,
  callContext,
  createClient,
  createServer,
  defineService,
  direct,
  memory,
  method,
  observe,
  RpcError,
} from '@org/rpc';
import { consistentHash, leastActive, type PickerFactory, p2c, roundRobin } from '@org/rpc-client';
import { DEFAULT_LIMITS, systemClock } from '@org/rpc-core';
import { connect, seededRandom } from '@org/rpc-testkit';
import { aCall, SceneNode } from '../../packages/client/test/picker-scene.js';
import { allocateChunk, type Chunk } from '../../packages/wire/src/codec/codec.js';
import { msgpack } from '../../packages/wire/src/codec/msgpack.js';
import { FrameReader } from '../../packages/wire/src/frames/frame-reader.js';
import { createRequestHead, type FrameTarget, writeRequest } from '../../packages/wire/src/frames/frame-writer.js';
import { TestAuthority } from '../../packages/wire/test/certificates.js';
import { wholeFrames } from '../../packages/wire/test/whole-frames.js';
import type { Case } from './measure.js';

const OBJECT = {
  id: 123456,
  name: 'alice-wonderland',
  tags: ['red', 'green', 'blue'],
  nested: { ok: true, score: 0.75, city: 'hangzhou' },
};
const VALUES = { 'small object': OBJECT, 'two integers': [17, 25_000], 'text of 1 KiB': 'x'.repeat(1024) };
const CALLERS = 64;

class Scratch implements FrameTarget {
  chunk: Chunk = allocateChunk(256 * 1024);
  position = 0;

  reserve(): number {
    return this.position;
  }
}

/** Encoding, decoding and framing. */
export function codecCases(): Case[] {
  const codec = msgpack();
  const cases: Case[] = [];
  for (const [name, value] of Object.entries(VALUES)) {
    const target = new Scratch();
    codec.encode([value], target);
    const { bytes } = target.chunk;
    const end = target.position;
    const decode = codec.createDecoder(DEFAULT_LIMITS);
    const args = [value];
    cases.push(
      {
        name: `encode ${name}`,
        run: (count) => {
          const scratch = new Scratch();
          for (let i = 0; i < count; i++) {
            scratch.position = 0;
            codec.encode(args, scratch);
          }
        },
      },
      {
        name: `decode ${name}`,
        run: (count) => {
          for (let i = 0; i < count; i++) decode(bytes, 0, end);
        },
      },
    );
  }
  return [...cases, ...frameCases()];
}

function frameCases(): Case[] {
  const codec = msgpack();
  const head = createRequestHead();
  head.wireName = Buffer.from([4, ...Buffer.from('echo'), 4, ...Buffer.from('echo')]);
  const target = new Scratch();
  const args = VALUES['two integers'];
  const batch = 16;
  for (let i = 0; i < batch; i++) writeRequest(target, codec, head, args);
  const chunk = target.chunk.bytes.subarray(0, target.position);
  const sink = wholeFrames({ frame: () => undefined, oversized: () => undefined });
  return [
    {
      name: 'write a request of two integers',
      run: (count) => {
        const scratch = new Scratch();
        for (let i = 0; i < count; i++) {
          scratch.position = 0;
          writeRequest(scratch, codec, head, args);
        }
      },
    },
    {
      name: 'find a frame, 16 in a chunk',
      run: (count) => {
        const reader = new FrameReader(sink, 1 << 20);
        for (let i = 0; i < count; i += batch) reader.push(chunk);
      },
    },
  ];
}

/** Picking a node of many. */
export function pickCases(): Case[] {
  const factories: readonly PickerFactory[] = [p2c(), leastActive(), roundRobin(), consistentHash()];
  return factories.flatMap((factory) =>
    [10, 1_000, 10_000].map((size) => {
      const nodes = Array.from({ length: size }, (_, i) => new SceneNode(`n${i}`));
      const picker = factory.create(nodes, {
        random: seededRandom(1),
        clock: systemClock,
        zone: undefined,
        inFlight: 0,
        probing: new Set(),
        mayTry: true,
        earnTrial: () => undefined,
        spendTrial: () => undefined,
        avoided: () => 0,
      });
      const call = aCall();
      return {
        name: `pick of ${size.toLocaleString('en-US')}, ${factory.name}`,
        run: (count: number) => {
          for (let i = 0; i < count; i++) picker.pick(call, 1_000);
        },
        ...(size === 10 ? {} : { beside: `pick of 10, ${factory.name}` }),
      };
    }),
  );
}

const Echo = defineService('echo', {
  echo: method<(value: unknown) => unknown>({ idempotent: true }),
  sum: method<(x: number, y: number) => number>({ idempotent: true }),
  signal: method<(value: unknown) => unknown>({ idempotent: true }),
  checked: method<(x: number, y: number) => number>({ idempotent: true }),
});
const Socket = defineService('socket', { echo: method<(value: unknown) => unknown>({ idempotent: true }) });
interface EchoClient extends Record<'echo' | 'sum' | 'signal' | 'checked', (...args: unknown[]) => Promise<unknown>> {
  with(options: { readonly signal?: AbortSignal; readonly metadata?: Readonly<Record<string, string>> }): EchoClient;
}

/** Whole calls in memory, and what each feature adds to one. */
export function callCases(): { readonly cases: Case[]; close(): Promise<void> } {
  const clients: Client[] = [];
  // In memory a slice is one turn of the event loop, which the bound of a turn would take for an overload.
  const serverOf = (options = {}) =>
    createServer({ registry: memory(), overload: false, ...options }).add(Echo, {
      echo: (value) => value,
      sum: (x, y) => x + y,
      signal: (value) => (callContext()!.signal.aborted ? undefined : value),
      checked: (x, y) => {
        if (x === 0) throw new RpcError('INTERNAL', 'there is no such number');
        return x + y;
      },
    });
  const clientOf = (options = {}, server = serverOf()): EchoClient => {
    const client = connect(server, { timeoutMs: 600_000, ...options });
    clients.push(client);
    return client.service(Echo) as unknown as EchoClient;
  };
  const plain = clientOf();
  const whole = 'call, small object';
  const feature = (name: string, call: () => Promise<unknown>, most?: number): Case => ({
    name: `${whole}, ${name}`,
    run: many(call),
    beside: whole,
    ...(most === undefined ? {} : { most }),
  });
  const controller = new AbortController();
  const withSignal = plain.with({ signal: controller.signal });
  const withMetadata = plain.with({ metadata: { tenant: 'acme', request: '0123456789abcdef', region: 'eu-west-1' } });
  const layered = clientOf({
    layers: { unary: [(next: (call: unknown) => unknown) => (call: unknown) => next(call)] },
  });
  const limited = clientOf({ concurrency: { max: 1_000 }, rateLimit: { perSecond: 10_000_000, burst: 10_000_000 } });
  const hedged = clientOf({ hedge: { delayMs: 5_000 } });
  const single = clientOf({ retry: false });
  // Of their own: what fails is remembered of nodes and methods.
  const failing = clientOf();
  const [seldom, sum] = [clientOf(), 'call, two integers'];
  let made = 0;
  const cases: Case[] = [
    { name: whole, run: many(() => plain.echo(OBJECT)) },
    { name: sum, run: many(() => plain.sum(17, 25_000)) },
    {
      name: `${sum}, one in a hundred fails`,
      run: many(() => checked(seldom, ++made % 100 === 0 ? 0 : 17)),
      beside: sum,
    },
    { name: `${sum}, its handler throws`, run: many(() => checked(failing, 0)), beside: sum },
    { name: 'call, text of 1 KiB', run: many(() => plain.echo(VALUES['text of 1 KiB'])) },
    {
      name: 'call, small object, one caller',
      run: async (count) => {
        for (let i = 0; i < count; i++) await plain.echo(OBJECT);
      },
    },
    feature('no retries', () => single.echo(OBJECT)),
    feature('a layer', () => layered.echo(OBJECT)),
    feature('limits of rate and concurrency', () => limited.echo(OBJECT)),
    feature('hedge armed', () => hedged.echo(OBJECT)),
    feature('metadata of three keys', () => withMetadata.echo(OBJECT), 1.15),
    feature('handler reads signal', () => plain.signal(OBJECT), 1.2),
    feature('shared signal', () => withSignal.echo(OBJECT), 1.1),
    feature('signal of its own', () => plain.with({ signal: new AbortController().signal }).echo(OBJECT), 1.8),
    feature(
      'an observer that does nothing',
      observed(() => plain.echo(OBJECT)),
    ),
  ];
  return { cases, close: async () => void (await Promise.all(clients.map((client) => client.close()))) };
}

/** Calls over a socket, without TLS and with it. */
export async function socketCases(): Promise<{ readonly cases: Case[]; close(): Promise<void> }> {
  const authority = new TestAuthority();
  const { cert, key } = authority.issue();
  const open = async (isSecret: boolean) => {
    const server = createServer({ registry: memory(), overload: false, ...(isSecret ? { tls: { cert, key } } : {}) });
    server.add(Socket, { echo: (value) => value });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const tls = isSecret ? { tls: { ca: authority.ca } } : {};
    const client = createClient({ registry: direct([`127.0.0.1:${port}`]), timeoutMs: 600_000, ...tls });
    const close = async (): Promise<void> => {
      await client.close();
      await server.close();
    };
    const { echo } = client.service(Socket);
    await echo(OBJECT);
    return { close, echo };
  };
  const opened = [await open(false), await open(true)] as const;
  authority.remove();
  const [plain, secret] = opened;
  const cases = [
    { name: 'call over TCP, small object', run: many(() => plain.echo(OBJECT)) },
    {
      name: 'call over TLS, small object',
      run: many(() => secret.echo(OBJECT)),
      beside: 'call over TCP, small object',
      most: 1.2,
    },
  ];
  return { cases, close: async () => void (await Promise.all(opened.map(({ close }) => close()))) };
}

/** A sum, which fails when its first number is 0: that is its answer. */
async function checked(client: EchoClient, x: number): Promise<unknown> {
  try {
    return await client.checked(x, 25_000);
  } catch (error) {
    return error;
  }
}

/** Every call between two looks is observed; the observer goes when the last one has its answer. */
function observed(call: () => Promise<unknown>): () => Promise<unknown> {
  let inFlight = 0;
  let watch: { close(): void } | undefined;
  return async () => {
    if (inFlight++ === 0) watch = observe({ client: () => undefined, server: () => undefined });
    try {
      return await call();
    } finally {
      if (--inFlight === 0) watch?.close();
    }
  };
}

function many(call: () => Promise<unknown>): (count: number) => Promise<void> {
  return async (count) => {
    let left = count;
    const caller = async (): Promise<void> => {
      while (left-- > 0) await call();
    };
    await Promise.all(Array.from({ length: CALLERS }, caller));
  };
}
