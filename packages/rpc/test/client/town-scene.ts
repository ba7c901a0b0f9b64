import type { Client, ClientOptions } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { type CallOptions, defineService, isRpcError, method, notify, RpcError } from '@org/rpc-core';
import { type Endpoint, memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import type { RpcServer } from '@org/rpc-server/internal';
import { FakeClock, manualRegistry, seededRandom } from '@org/rpc-testkit';
import { type ByteStream, memoryPair } from '@org/rpc-wire/internal';

/** What the instances of a {@link TownScene} serve. */
export const Town = defineService('town', {
  go: method<() => string | Promise<string>>({ idempotent: true }),
  buy: method<() => string | Promise<string>>(),
  note: notify<() => void>(),
});

/** The same as it was served before there was anything to buy. */
const OldTown = defineService('town', {
  go: method<() => string | Promise<string>>({ idempotent: true }),
  note: notify<() => void>(),
});

const IDS = ['a', 'b', 'c', 'd'] as const;

/** What an instance does with a call. */
type Deed = 'answer' | 'hold' | 'fail' | 'refuse' | (() => string);

/** A call that was made, and how it has ended so far: with an answer, or with a code. */
export interface Made {
  end: string | undefined;
  afterMs: number;
}

/** Four instances in one process with a client, on virtual time; all do as they are told. */
export class TownScene {
  readonly clock = new FakeClock(1_000);
  readonly client: Client;
  readonly deeds = new Map<string, Deed>(IDS.map((id) => [id, 'answer']));
  /** Which instance each call came to. */
  readonly seen: string[] = [];
  /** When the client has tried to connect, and to which. */
  readonly dials: { readonly id: string; readonly at: number }[] = [];
  /** Whether they have no tags by which they differ; lists from then on. */
  areAlike = false;
  /** Whether all are at one address, as workers are; lists from then on. */
  sharesAddress = false;
  /** Those whose ports refuse. */
  readonly down = new Set<string>();
  readonly #streams = new Map<string, ByteStream[]>();
  readonly #registry = manualRegistry();
  readonly #held: (() => void)[] = [];
  #versions = 0;

  /** @param old - those that do not serve `buy` */
  constructor(options: ClientOptions = {}, old: readonly string[] = []) {
    const servers = IDS.map((id) => {
      const server = createServer({ name: id, clock: this.clock, registry: memory() });
      const handlers = { go: () => this.#serve(id), note: () => {} };
      if (old.includes(id)) server.add(OldTown, handlers);
      else server.add(Town, { ...handlers, buy: () => this.#serve(id) });
      server.on('handlerError', () => {});
      return server as RpcServer;
    });
    const resolved = resolveClientOptions({
      registry: this.#registry.registry,
      clock: this.clock,
      random: seededRandom(1),
      name: 'me',
      ...options,
    });
    this.client = new RpcClient(resolved, async ({ port, instance }) => {
      const id = this.sharesAddress ? (instance as (typeof IDS)[number]) : IDS[port]!;
      this.dials.push({ id, at: this.clock.now() });
      if (this.down.has(id)) throw Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });
      const [clientEnd, serverEnd] = memoryPair();
      servers[IDS.indexOf(id)]!.accept(serverEnd);
      this.#streams.set(id, [...(this.#streams.get(id) ?? []), clientEnd]);
      return clientEnd;
    });
    this.client.service(Town);
  }

  /** Has so many instances listed, and connected. */
  async open(count: number): Promise<this> {
    await this.list(...IDS.slice(0, count));
    if (count > 0) await this.client.broadcast(Town, 'go', []);
    this.seen.length = 0;
    return this;
  }

  /** Has these listed, and no others. */
  list(...ids: readonly string[]): Promise<void> {
    const listed = ids.map((id): Endpoint => {
      const alone = { id, host: 'h', port: IDS.indexOf(id as 'a'), weight: 100, state: 'up' } as const;
      const endpoint = this.sharesAddress ? { ...alone, port: 0, features: ['shared-address'] } : alone;
      return this.areAlike ? endpoint : { ...endpoint, tags: { side: id < 'c' ? 'left' : 'right' } };
    });
    this.#registry.publish('town', listed);
    return this.pass(20);
  }

  /** Ends the process of an instance: its connections are lost, and its port refuses. */
  kill(id: string): void {
    this.down.add(id);
    for (const stream of this.#streams.get(id)?.splice(0) ?? []) stream.destroy();
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  /** Other rules are in force. */
  async rule(rules: object): Promise<void> {
    this.#registry.publishRules('town', { schemaVersion: 1, version: ++this.#versions, ...rules });
    await this.pass(200);
  }

  /** All do this. */
  do(deed: Deed): void {
    for (const id of IDS) this.deeds.set(id, deed);
  }

  /** Every handler that holds answers. */
  async release(): Promise<void> {
    for (const release of this.#held.splice(0)) release();
    await this.pass(0);
  }

  /** Makes a call and lets nothing happen but what needs no time. */
  async begin(options: CallOptions = {}, name: 'go' | 'buy' | 'note' = 'go'): Promise<Made> {
    const made: Made = { end: undefined, afterMs: Number.NaN };
    const from = this.clock.now();
    const end = (how: string): void => {
      made.end = how;
      made.afterMs = this.clock.now() - from;
    };
    const call = this.client.service(Town).with(options)[name]() as Promise<string | void>;
    call.then(
      (value) => end(value ?? 'done'),
      (error: unknown) => end(isRpcError(error) ? error.code : String(error)),
    );
    await this.pass(0);
    return made;
  }

  /** The same, until it has ended. */
  async call(options: CallOptions = {}, name: 'go' | 'buy' | 'note' = 'go'): Promise<Made> {
    const made = await this.begin(options, name);
    for (let turn = 0; made.end === undefined && turn < 1_000; turn++) await this.pass(10);
    return made;
  }

  /** How so many calls end, made one after the other. */
  async ends(count: number, options: CallOptions = {}, name: 'go' | 'buy' = 'go'): Promise<string[]> {
    const ends: string[] = [];
    for (let i = 0; i < count; i++) ends.push(String((await this.call(options, name)).end));
    return ends;
  }

  get state() {
    return this.client.state().services['town']!;
  }

  close(): Promise<void> {
    this.do('answer');
    for (const release of this.#held.splice(0)) release();
    return this.client.close();
  }

  #serve(id: string): string | Promise<string> {
    this.seen.push(id);
    const deed = this.deeds.get(id);
    if (deed === 'fail') throw new RpcError('UNAVAILABLE', 'closed today');
    if (deed === 'refuse') throw new RpcError('RESOURCE_EXHAUSTED', 'too much to do');
    if (deed === 'answer') return id;
    if (typeof deed === 'function') return deed();
    return new Promise((resolve) => this.#held.push(() => resolve(id)));
  }
}
