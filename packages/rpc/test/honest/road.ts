import assert from 'node:assert/strict';
import type { Client, ClientOptions, Clock, Limits, Server, ServiceClient } from '@org/rpc';
import { direct, memory, RpcError, systemClock } from '@org/rpc';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { createServer } from '@org/rpc-server';
import { RpcServer } from '@org/rpc-server/internal';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { createDial, memoryPair } from '@org/rpc-wire/internal';
import { lagging } from './lagging.js';
import { Things, thingsHandlers } from './things.js';
import { awkward } from './values.js';

/** What a {@link Road} is like. */
export interface RoadOptions {
  /** How long bytes take in each direction. */
  readonly lagMs?: number;
  /** Over a real socket of this machine instead, in real time. */
  readonly isReal?: boolean;
  readonly client?: ClientOptions;
  readonly limits?: Partial<Limits>;
}

/**
 * One client and one server of this library on a long line, on virtual time, or on a real socket. Whatever is asked of the client, the connection
 * that all its calls share must not end: {@link assertPeace}.
 */
export class Road {
  readonly #virtual = new FakeClock(1_000);
  readonly #clock: Clock;
  readonly server: Server;
  readonly client: Client;
  readonly things: ServiceClient<typeof Things>;
  /** Why connections have ended, as the server knows it. */
  readonly ends: string[] = [];
  readonly #stepMs: number;
  #opened = 0;

  constructor({ lagMs = 20, isReal = false, client = {}, limits = {} }: RoadOptions = {}) {
    const clock = isReal ? systemClock : this.#virtual;
    this.#clock = clock;
    // Threads compress in real time, which virtual time must not outrun.
    this.#stepMs = client.compression === undefined ? 5 : 0.05;
    const server = createServer({ registry: memory(), clock, limits, compression: client.compression ?? false });
    assert.ok(server instanceof RpcServer);
    server.add(Things, thingsHandlers(awkward));
    server.on('connectionOpened', () => this.#opened++);
    server.on('connectionClosed', ({ reason }) => this.ends.push(reason));
    server.on('handlerError', () => {});
    this.server = server;
    const registry = direct(['road:1']);
    const options = { registry, clock, random: seededRandom(1), retry: false, limits, ...client } as const;
    this.client = new RpcClient(resolveClientOptions(options), async () => {
      if (isReal) {
        const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
        return createDial(clock, undefined)({ host: '127.0.0.1', port, timeoutMs: 5_000 });
      }
      const [near, far] = memoryPair();
      server.accept(lagging(far, clock, lagMs));
      return lagging(near, clock, lagMs);
    });
    this.things = this.client.service(Things);
  }

  /** Runs what needs time to pass, for at most so many virtual seconds. */
  async pass<T>(work: Promise<T>, secondsMax = 120): Promise<T> {
    if (this.#clock !== this.#virtual) return work;
    let isOver = false;
    const end = (): void => {
      isOver = true;
    };
    work.then(end, end);
    for (let step = 0; step < (secondsMax * 1_000) / this.#stepMs && !isOver; step++)
      await this.#virtual.advance(this.#stepMs);
    assert.ok(isOver, `it is not over after ${secondsMax} s of virtual time`);
    return work;
  }

  /** Waits so many virtual milliseconds. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.schedule(ms, resolve));
  }

  /** @throws when the connection that all share has ended, or calls do not get through any more */
  async assertPeace(): Promise<void> {
    assert.equal(await this.pass(this.things.echo('peace')), 'peace');
    assert.deepEqual([this.#opened, this.ends], [1, []]);
  }

  async close(): Promise<void> {
    const closed = Promise.all([this.client.close(), this.server.close({ drainMs: 0, graceMs: 0 })]);
    await this.pass(closed, 60);
  }
}

/** How a call has ended: its code, or `fine`. What is no `RpcError` is a fault of the test. */
export async function outcome(call: PromiseLike<unknown>): Promise<string> {
  try {
    await call;
    return 'fine';
  } catch (error) {
    if (error instanceof RpcError) return error.code;
    throw error;
  }
}

/** Takes so many items, or all, and leaves. */
export async function read(items: AsyncIterable<unknown>, most = Number.POSITIVE_INFINITY): Promise<number> {
  let count = 0;
  for await (const _ of items) if (++count >= most) break;
  return count;
}
