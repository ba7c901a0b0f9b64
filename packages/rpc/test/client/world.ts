import type { Client, ClientEvents, ClientOptions, NodeState } from '@org/rpc-client';
import { RpcClient, resolveClientOptions } from '@org/rpc-client/internal';
import { defineService, method } from '@org/rpc-core';
import { type Endpoint, endpointAddress, memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import type { RpcServer } from '@org/rpc-server/internal';
import { FakeClock, type ManualRegistry, manualRegistry, seededRandom } from '@org/rpc-testkit';
import { type ByteStream, type Dial, memoryPair } from '@org/rpc-wire/internal';

/** What every server of a {@link World} serves; `hello` says which one answered. */
export const Greeter = defineService('greeter', {
  hello: method<() => string>(),
  hold: method<() => Promise<string>>({ timeoutMs: 3_600_000 }),
});

/** What somebody who connects to an address meets there. */
type Place = 'serving' | 'refusing' | 'silent' | 'frozen';

interface Host {
  readonly server: RpcServer;
  readonly streams: ByteStream[];
  readonly release: () => void;
}

/** Servers, a network and a registry that do as the test says, and a real client among them; on virtual time. */
export class World {
  readonly clock = new FakeClock(1_000);
  readonly registry: ManualRegistry;
  readonly client: Client;
  /** Every attempt to connect: where and when. */
  readonly dials: { readonly address: string; readonly at: number }[] = [];
  readonly events: string[] = [];
  /** By id. */
  readonly #hosts = new Map<string, Host>();
  /** By address: who has it now. */
  readonly #listening = new Map<string, Host>();
  readonly #places = new Map<string, Place>();

  /** @param registry - what `list` publishes to, where `options` name a registry around it */
  constructor(options: ClientOptions = {}, registry: ManualRegistry = manualRegistry()) {
    const { clock } = this;
    this.registry = registry;
    const resolved = resolveClientOptions({ registry: registry.registry, clock, random: seededRandom(1), ...options });
    this.client = new RpcClient(resolved, this.#dial);
    for (const event of ['endpointAdded', 'endpointRemoved', 'endpointUp', 'endpointDown'] as const)
      this.client.on(event, ({ instance }: ClientEvents[typeof event][0]) => this.events.push(`${event} ${instance}`));
  }

  /** Starts a server process. A port that is taken already is taken over from what was there. */
  start(id: string, port: number): Endpoint {
    const endpoint: Endpoint = { id, host: 'h', port, weight: 100, state: 'up' };
    let release!: () => void;
    const released = new Promise<string>((resolve) => {
      release = () => resolve(`${id} has held`);
    });
    const server = createServer({ name: id, clock: this.clock, registry: memory() });
    server.add(Greeter, { hello: () => id, hold: () => released });
    const host: Host = { server: server as RpcServer, streams: [], release };
    this.#hosts.set(id, host);
    this.#listening.set(endpointAddress(endpoint), host);
    this.#places.set(endpointAddress(endpoint), 'serving');
    return endpoint;
  }

  /** Ends the process of an endpoint: its connections are lost, and its port refuses. */
  kill(endpoint: Endpoint): void {
    this.#lose(endpoint, 'refusing');
  }

  /** Takes the machine of an endpoint off the network: connections are lost and nobody answers. */
  unplug(endpoint: Endpoint): void {
    this.#lose(endpoint, 'silent');
  }

  /** Closes the connections of an endpoint, which goes on serving: as somebody between does to what is idle. */
  cut(endpoint: Endpoint): void {
    this.#lose(endpoint, 'serving');
  }

  /** Stops the process of an endpoint: its kernel goes on accepting connections, on which nothing is ever said. */
  freeze(endpoint: Endpoint): void {
    this.#lose(endpoint, 'frozen');
  }

  /** Lets the handlers that `hold` end. */
  release(endpoint: Endpoint): void {
    this.#host(endpoint).release();
  }

  server(endpoint: Endpoint): RpcServer {
    return this.#host(endpoint).server;
  }

  /** Replaces what the registry lists. */
  list(...endpoints: readonly Endpoint[]): Promise<void> {
    this.registry.publish('greeter', endpoints);
    return this.settle();
  }

  /** Lets everything happen that needs no time. */
  settle(): Promise<void> {
    return this.clock.advance(0);
  }

  /** Which servers answer so many calls, without repetition; throws what the first failing call throws. */
  async answering(calls = 20): Promise<string[]> {
    const answers = new Set<string>();
    for (let i = 0; i < calls; i++) answers.add(await this.call());
    return [...answers].sort();
  }

  /** One call. Time moves on while it runs. */
  async call(timeoutMs = 1_000): Promise<string> {
    const call = this.client.service(Greeter).with({ timeoutMs }).hello();
    let over = false;
    const end = (): void => {
      over = true;
    };
    call.then(end, end);
    for (let passed = 0; !over && passed < timeoutMs + 100; passed += 10) {
      await this.settle();
      if (!over) await this.clock.advance(10);
    }
    return call;
  }

  /** What the client knows of an instance; `undefined` when it has forgotten it. */
  node(id: string): NodeState | undefined {
    return this.client.state().services['greeter']?.nodes.find(({ instance }) => instance === id);
  }

  #host(endpoint: Endpoint): Host {
    return this.#hosts.get(endpoint.id)!;
  }

  #lose(endpoint: Endpoint, place: Place): void {
    this.#places.set(endpointAddress(endpoint), place);
    for (const stream of this.#host(endpoint).streams.splice(0)) stream.destroy();
  }

  readonly #dial: Dial = async ({ host, port, timeoutMs }) => {
    const address = `${host}:${port}`;
    this.dials.push({ address, at: this.clock.now() });
    const place = this.#places.get(address) ?? 'refusing';
    if (place === 'refusing')
      throw Object.assign(new Error('connection refused: nothing listens there'), { code: 'ECONNREFUSED' });
    if (place === 'silent') {
      await new Promise<void>((resolve) => this.clock.schedule(timeoutMs, resolve));
      throw Object.assign(new Error('connection timed out'), { code: 'ETIMEDOUT' });
    }
    const { server, streams } = this.#listening.get(address)!;
    const [clientEnd, serverEnd] = memoryPair();
    streams.push(clientEnd);
    if (place === 'serving') server.accept(serverEnd);
    return clientEnd;
  };
}
