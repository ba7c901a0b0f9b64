import type { Client, ClientOptions } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { type Clock, defineService, method, type RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import type { RpcServer } from '@org/rpc-server/internal';
import { FakeClock, manualRegistry, seededRandom } from '@org/rpc-testkit';
import { type ByteStream, memoryPair } from '@org/rpc-wire/internal';

/** What the calls of a {@link CulpritScene} call. */
export const Work = defineService('work', {
  run: method<(ms: number) => Promise<number>>(),
});

/** What is wrong with the way to the server. */
interface Network {
  /** How long bytes are on their way, in each direction. */
  delayMs: number;
  /** Whether they arrive at all. */
  isHole: boolean;
  /** Whether nobody listens. */
  isRefusing: boolean;
}

/** A client and a server with faults between them and in them, on virtual time. */
export class CulpritScene implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly network: Network = { delayMs: 0.5, isHole: false, isRefusing: false };
  readonly registry = manualRegistry();
  readonly client: Client;
  readonly #server: RpcServer;
  #busyUntil = 0;

  /** @param run - the handler; left out: it takes as long as it is told */
  constructor(
    options: ClientOptions = {},
    concurrency?: { max: number; queue: number },
    clock = new FakeClock(1_000),
    run = (ms: number): Promise<number> => new Promise((resolve) => clock.schedule(ms, () => resolve(ms))),
  ) {
    this.clock = clock;
    const server = createServer({ name: 'a', clock, registry: memory(), ...(concurrency && { concurrency }) });
    this.#server = server.add(Work, { run }) as RpcServer;
    const resolved = resolveClientOptions({
      registry: this.registry.registry,
      clock: this.#ownClock(),
      random: seededRandom(1),
      ...options,
    });
    this.client = new RpcClient(resolved, async () => {
      if (this.network.isRefusing) throw new Error('connect ECONNREFUSED 10.0.0.1:4399');
      const [clientEnd, serverEnd] = memoryPair();
      this.#server.accept(this.#between(serverEnd, false));
      return this.#between(clientEnd, true);
    });
  }

  /** Names the server to the client. */
  list(): void {
    this.registry.publish('work', [{ id: 'a', host: '10.0.0.1', port: 4399, weight: 100, state: 'up' }]);
  }

  /** Connects, and makes a call that goes well. */
  async ready(): Promise<void> {
    this.list();
    const call = this.call(10, 1_000);
    await this.clock.advance(1_000);
    await call;
  }

  /** Makes a call; resolves with its error, `undefined` when it went well. */
  call(ms: number, timeoutMs: number): Promise<RpcError | undefined> {
    const stub = this.client.service(Work).with({ timeoutMs });
    return stub.run(ms).then(
      () => undefined,
      (error: RpcError) => error,
    );
  }

  /** The event loop of the client does something else from now on. */
  block(ms: number): void {
    this.#busyUntil = this.clock.now() + ms;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }

  /** The clock of the client: timers do not run while it is busy. */
  #ownClock(): Clock {
    const { clock } = this;
    const free = (run: () => void) => (): void => {
      const busyMs = this.#busyUntil - clock.now();
      if (busyMs > 0) clock.schedule(busyMs, run);
      else run();
    };
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      schedule: (delayMs, run) => clock.schedule(delayMs, free(run)),
      afterPoll: (run) => clock.afterPoll(free(run)),
    };
  }

  /** One end of a connection: what it is given to read comes late, or never. @param isOwn - that of the client */
  #between(stream: ByteStream, isOwn: boolean): ByteStream {
    const { clock, network } = this;
    const later = (bytes: Buffer, then: (copy: Buffer) => void): void => {
      const copy = Buffer.from(bytes);
      if (network.isHole) return;
      clock.schedule(network.delayMs, () => {
        const busyMs = isOwn ? this.#busyUntil - clock.now() : 0;
        if (busyMs > 0) clock.schedule(busyMs, () => then(copy));
        else then(copy);
      });
    };
    return {
      peer: stream.peer,
      start: (receiver) =>
        stream.start({
          data: (bytes) => later(bytes, (copy) => receiver.data(copy)),
          drained: () => receiver.drained(),
          ended: () => receiver.ended(),
          closed: (error) => receiver.closed(error),
        }),
      write: (bytes) => {
        const busyMs = isOwn ? this.#busyUntil - clock.now() : 0;
        const copy = Buffer.from(bytes);
        if (busyMs > 0) clock.schedule(busyMs, () => stream.write(copy));
        else stream.write(copy);
        return true;
      },
      get queuedBytes() {
        return 0;
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
    };
  }
}
