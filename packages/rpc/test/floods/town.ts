import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  type Client,
  callContext,
  createClient,
  createServer,
  defineService,
  direct,
  type Limits,
  memory,
  method,
  notify,
  type Server,
  stream,
} from '@org/rpc';
import { FakeClock } from '@org/rpc-testkit';

/** What the server of a {@link Town} serves, to good clients and others. */
export const Work = defineService('work', {
  echo: method<(value: number) => number>({ idempotent: true, timeoutMs: 60_000 }),
  hang: method<() => Promise<void>>(),
  large: method<() => Uint8Array>(),
  tell: notify<() => void>(),
  tellAll: notify<() => Promise<void>>(),
  items: stream<() => AsyncIterable<number>>(),
});

const LARGE = new Uint8Array(64 * 1024);
const GOOD_CLIENTS = 10;
/** At least so many calls of each good client, however short the flood is. */
const CALLS_MIN = 20;

/** Ends when the call is over, as a well-behaved handler does. */
function untilAborted(): Promise<never> {
  const { signal } = callContext()!;
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** One server on a real port, on a clock of the test, with ten good clients and whoever else connects. */
export class Town implements AsyncDisposable {
  readonly clock = new FakeClock(1_000);
  readonly server: Server;
  /** How often each method has run. */
  readonly served: Record<string, number> = {};
  /** Why each connection ended, by the address of its peer. */
  readonly closed = new Map<string, string>();
  readonly acceptErrors: string[] = [];
  readonly #clients: Client[] = [];
  /** Those who are not our clients, with the addresses that the server knows them by. */
  readonly #strangers = new Map<Socket, string>();
  #opened = 0;
  #port = 0;
  #onEvent: (() => void) | undefined;

  constructor(limits: Partial<Limits> = {}) {
    // Its clock stands still while they come.
    const all = { connectionsPerSecond: 1_000_000, ...limits };
    this.server = createServer({ registry: memory(), clock: this.clock, limits: all });
    const counted = <T>(name: string, run: () => T) => {
      this.served[name] = 0;
      return (): T => {
        this.served[name]!++;
        return run();
      };
    };
    this.server.add(Work, {
      echo: (value) => value,
      hang: counted('hang', untilAborted),
      large: counted('large', () => LARGE),
      tell: counted('tell', () => {}),
      tellAll: counted('tellAll', untilAborted),
      items: counted('items', () => ({ [Symbol.asyncIterator]: () => ({ next: untilAborted }) })),
    });
    this.server.on('handlerError', () => {});
    this.server.on('connectionOpened', () => {
      this.#opened++;
      this.#onEvent?.();
    });
    this.server.on('connectionClosed', ({ peer, reason }) => {
      this.closed.set(peer, reason);
      this.#onEvent?.();
    });
    this.server.on('acceptError', ({ error }) => {
      this.acceptErrors.push(error.message);
      this.#onEvent?.();
    });
  }

  /** Listens, and lets the good clients connect. */
  async open(): Promise<this> {
    const { port } = await this.server.listen({ host: '127.0.0.1', port: 0 });
    this.#port = port;
    for (let i = 0; i < GOOD_CLIENTS; i++) {
      const client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
      this.#clients.push(client);
      assert.equal(await client.service(Work).echo(i), i);
    }
    return this;
  }

  /** How many connections are open now. */
  get connections(): number {
    return this.#opened - this.closed.size;
  }

  /** Runs `flood` while the good clients call. @throws when one of their calls fails or has a wrong answer */
  async beside<T>(flood: () => Promise<T>): Promise<T> {
    let isOver = false;
    const good = this.#clients.map(async (client) => {
      const work = client.service(Work);
      for (let i = 0; !isOver || i < CALLS_MIN; i++) assert.equal(await work.echo(i), i);
    });
    try {
      const [result] = await Promise.all([
        flood().finally(() => {
          isOver = true;
        }),
        ...good,
      ]);
      return result;
    } finally {
      isOver = true;
      await Promise.allSettled(good);
    }
  }

  /** One call of one good client, after which the server has read what others sent before. */
  async breathe(): Promise<void> {
    assert.equal(await this.#clients[0]!.service(Work).echo(1), 1);
  }

  /** A plain socket to the server. What it is sent is read and forgotten unless it is paused. */
  async stranger(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    // A reset is what a flood deserves.
    socket.on('error', () => {});
    await once(socket, 'connect');
    this.#strangers.set(socket, `127.0.0.1:${socket.localPort}`);
    socket.resume();
    return socket;
  }

  /** Why the server has ended the connection of a stranger, once it has. */
  async reasonFor(socket: Socket): Promise<string> {
    await this.until(() => this.isClosed(socket));
    return this.closed.get(this.#strangers.get(socket)!)!;
  }

  /** Whether the server has ended the connection of a stranger. */
  isClosed(socket: Socket): boolean {
    return this.closed.has(this.#strangers.get(socket)!);
  }

  /** Waits until a connection's end, or a refusal, makes it so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#onEvent = resolve));
  }

  /** Checks that nothing is left of the strangers: no connection, no running call. */
  async assertCalm(): Promise<void> {
    for (const socket of this.#strangers.keys()) socket.destroy();
    await this.until(() => this.connections === GOOD_CLIENTS);
    await this.breathe();
    assert.equal(this.server.running, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#strangers.keys()) socket.destroy();
    for (const client of this.#clients) await client.close();
    const closed = this.server.close({ drainMs: 0, graceMs: 0 });
    await this.clock.advance(1);
    await closed;
  }
}

/** Writes the same bytes until the other end closes, as fast as they are taken. @returns how many times they were written */
export async function floodWith(socket: Socket, next: (round: number) => Buffer, roundsMax: number): Promise<number> {
  let isClosed = false;
  const closed = once(socket, 'close').then(() => {
    isClosed = true;
  });
  let round = 0;
  for (; round < roundsMax && !isClosed && socket.writable; round++) {
    if (!socket.write(next(round))) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
    // Lets the server read: a flood that is only queued is none.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return round;
}
