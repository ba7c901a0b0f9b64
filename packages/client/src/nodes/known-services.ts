import type { ClientMethod } from '../client-method.js';
import type { Balancer } from './balancer.js';

/** Names of services that are remembered though nobody serves them. */
const NAMES_MAX = 1_000;
/** Methods that are remembered. A gateway that calls whatever it is asked for must not fill the memory with names. */
const METHODS_MAX = 10_000;

/**
 * The services that a client was asked for, each with its balancer and the stacks of its methods. A name may come from outside,
 * through a gateway, and costs watches at the registry. So beyond a bound, services without an instance and without waiting calls
 * are forgotten, the least recently wanted first. A later call begins anew.
 */
export class KnownServices {
  readonly #namesMax: number;
  readonly #letGo: (service: string) => void;
  readonly #services = new Map<string, { readonly balancer: Balancer; readonly methods: Map<string, ClientMethod> }>();
  #methods = 0;

  /**
   * @param letGo - called with each service that is forgotten
   * @param namesMax - services without an instance count against it, and those with one, which are never let go (default 1,000)
   */
  constructor(letGo: (service: string) => void, namesMax = NAMES_MAX) {
    this.#letGo = letGo;
    this.#namesMax = namesMax;
  }

  get names(): readonly string[] {
    return [...this.#services.keys()];
  }

  *balancers(): Iterable<Balancer> {
    for (const { balancer } of this.#services.values()) yield balancer;
  }

  balancer(service: string): Balancer | undefined {
    return this.#services.get(service)?.balancer;
  }

  method(service: string, method: string): ClientMethod | undefined {
    return this.#services.get(service)?.methods.get(method);
  }

  /** Those of a service that were called. */
  methods(service: string): Iterable<ClientMethod> {
    return this.#services.get(service)?.methods.values() ?? [];
  }

  add(balancer: Balancer): void {
    this.#services.set(balancer.service, { balancer, methods: new Map() });
    this.trim(balancer);
  }

  /** Its service must be known. Beyond 10,000 it is not remembered. */
  addMethod(called: ClientMethod): void {
    const methods = this.#services.get(called.service)?.methods;
    if (methods === undefined || (this.#methods >= METHODS_MAX && !methods.has(called.method))) return;
    if (!methods.has(called.method)) this.#methods++;
    methods.set(called.method, called);
  }

  /** Lets go of what is beyond the bound and can be let go. */
  trim(but?: Balancer): void {
    const excess = this.#services.size - this.#namesMax;
    if (excess <= 0) return;
    const idle = [...this.balancers()].filter((each) => each.isIdle && each !== but);
    idle.sort((a, b) => a.wantedAt - b.wantedAt);
    for (const balancer of idle.slice(0, excess)) {
      this.#methods -= this.#services.get(balancer.service)?.methods.size ?? 0;
      this.#services.delete(balancer.service);
      balancer.rest();
      this.#letGo(balancer.service);
    }
  }
}
