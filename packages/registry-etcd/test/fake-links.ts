import { p2c } from '@org/rpc-client';
import type { BalancerEnvironment, Link, LinkObserver, LinkState } from '@org/rpc-client/internal';
import type { Clock, Random } from '@org/rpc-core';
import { type Endpoint, endpointAddress, type RegistryHandle } from '@org/rpc-registry';

/** A connection that is as the test says. */
export class FakeLink {
  readonly address: string;
  state: LinkState = 'ready';
  isRefused = false;
  failures = 0;
  readonly lastError: string | undefined = undefined;
  readonly inFlight = 0;
  readonly connection = undefined;
  readonly #observers = new Set<LinkObserver>();

  constructor(
    readonly endpoint: Endpoint,
    isUp = true,
  ) {
    if (!isUp) this.state = 'connecting';
    this.address = endpointAddress(endpoint);
  }

  get mayComeSoon(): boolean {
    return this.state === 'connecting' && this.failures === 0;
  }

  observe(observer: LinkObserver): void {
    this.#observers.add(observer);
  }

  unobserve(observer: LinkObserver): void {
    this.#observers.delete(observer);
  }

  set(isUp: boolean): void {
    const previous = this.state;
    this.state = isUp ? 'ready' : 'backoff';
    this.isRefused = !isUp;
    this.failures = isUp ? 0 : 2;
    for (const observer of [...this.#observers]) observer.linkChanged(this as unknown as Link, previous);
  }
}

/** The links of a client, none of which is a connection. */
export class FakePool {
  readonly links = new Set<FakeLink>();
  /** Whether new ones are connected from the beginning. */
  areUp = true;

  acquire(endpoint: Endpoint): FakeLink {
    const link = new FakeLink(endpoint, this.areUp);
    this.links.add(link);
    return link;
  }

  release(link: FakeLink): void {
    this.links.delete(link);
  }
}

/** What a balancer needs, over such links. */
export function balancerEnvironment(
  registry: RegistryHandle,
  pool: FakePool,
  clock: Clock,
  random: Random,
): BalancerEnvironment {
  return {
    registry: { ...registry, watch: registry.watch.bind(registry) },
    registryDisplay: 'fake',
    registryError: () => undefined,
    namespace: 'test',
    instance: 'test',
    pool: pool as unknown as BalancerEnvironment['pool'],
    pickers: p2c(),
    breakers: undefined,
    clock,
    random,
    emit: () => undefined,
  };
}
