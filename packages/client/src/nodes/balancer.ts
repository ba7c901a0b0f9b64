import type { Call, Clock, Outcome, Random, RpcError } from '@org/rpc-core';
import { rpcError, type Waiting, waitFor } from '@org/rpc-core/internal';
import type { Endpoint, GoneReason, RegistryHandle, Snapshot, Watch } from '@org/rpc-registry';
import type { ClientEvents, EndpointEvent } from '../face/events.js';
import type { Picker, PickerFactory } from '../picker/picker.js';
import type { BreakerGroup } from '../policy/breaker-group.js';
import { ServiceRules } from '../rules/service-rules.js';
import { explainNoNode } from './explain.js';
import { Membership, type MembershipOwner } from './membership.js';
import { Node, type NodeOwner } from './node.js';
import type { Pool } from './pool.js';
import { ServiceHealth } from './service-health.js';

/** So many nodes that take calls delay a new picker by a millisecond; so that making pickers takes a tenth of the time at most. */
const NODES_PER_MS = 500;
/** The longest such delay, in milliseconds. */
const REBUILD_MAX_MS = 25;

/** Tells observers; typed by {@link ClientEvents}. */
export type Emit = <E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]) => void;

/** What a balancer needs of its client. */
export interface BalancerEnvironment {
  readonly registry: RegistryHandle;
  /** How the registry is shown in errors. */
  readonly registryDisplay: string;
  /** What the registry last reported as wrong; `undefined` when nothing is. */
  readonly registryError: () => string | undefined;
  readonly namespace: string;
  /** The client's name. */
  readonly instance: string;
  readonly pool: Pool;
  readonly pickers: PickerFactory;
  readonly breakers: BreakerGroup | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
}

/**
 * The bottom of the stack for one service: keeps its nodes, and gives each attempt to one of them. Lists of endpoints become
 * nodes, the ready ones become an immutable picker; a pick never waits, the call does, for the next picker.
 */
export class Balancer implements MembershipOwner, NodeOwner {
  readonly service: string;
  /** What operators have ordered for the service. */
  readonly rules: ServiceRules;
  readonly #environment: BalancerEnvironment;
  readonly #health: ServiceHealth;
  readonly #membership: Membership;
  readonly #watch: Watch;
  readonly #waiting = new Set<Waiting<void>>();
  /** The nodes of which observers were told that they are up. */
  readonly #announced = new Set<Node>();
  #ready: readonly Node[] = [];
  #picker: Picker<Node>;
  #stale = false;
  #cancelRebuild: (() => void) | undefined;
  #closedReason: string | undefined;

  constructor(service: string, environment: BalancerEnvironment) {
    this.service = service;
    this.#environment = environment;
    const { clock, random, breakers, pickers, registry, instance, emit } = environment;
    this.#health = new ServiceHealth({ clock, random, breakers });
    this.#membership = new Membership(this, clock);
    this.#picker = pickers.create<Node>([], this.#health);
    const onSwap = (): void => this.#weigh();
    this.rules = new ServiceRules(service, { source: registry.rules, instance, clock, emit, onSwap });
    this.#watch = registry.watch(service, (snapshot) => this.#update(snapshot));
  }

  /** Every node, those included that take no calls. */
  get nodes(): Iterable<Node> {
    return this.#membership.nodes;
  }

  get membership(): Membership {
    return this.#membership;
  }

  get isClosed(): boolean {
    return this.#closedReason !== undefined;
  }

  /** How many nodes take calls. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** Gives an attempt to a node: the innermost service of the stack. */
  readonly call = (call: Call): Promise<unknown> => {
    const now = call.attempt === 0 && !call.hasWaited ? call.createdAt : this.#environment.clock.now();
    const node = this.#picker.pick(call, now);
    if (node === undefined) return this.#withoutNode(call);
    return node.send(call, now) ?? this.#withoutNode(call);
  };

  /** The gate that lets nodes see how attempts end. */
  settle(call: Call, outcome: Outcome): void {
    const node = call.destination;
    if (node instanceof Node) node.settled(call, outcome);
  }

  /** Resolves when a node takes calls, rejects when the call's deadline passes first. */
  async untilReady(call: Call): Promise<void> {
    while (this.#ready.length === 0) await this.#wait(call);
  }

  /** Looks after unlisted nodes; called about once a second. */
  tick(): void {
    this.#membership.sweep();
    this.rules.tick();
  }

  close(reason: string): void {
    this.#closedReason = reason;
    this.#watch.close();
    this.rules.close();
    for (const waiting of this.#waiting) waiting.fail(rpcError('UNAVAILABLE', reason));
    for (const node of [...this.#membership.nodes]) node.retire('left');
    this.#cancelRebuild?.();
    this.#rebuild();
  }

  // MembershipOwner

  addNode(endpoint: Endpoint): Node {
    const node = new Node(endpoint, this.#environment.pool.acquire(endpoint), this.#health, this);
    node.setWeight(this.rules.weightOf(endpoint));
    this.#environment.emit('endpointAdded', this.#event(node));
    // A link that another service uses may be ready already.
    if (node.isReady) this.nodeChanged(node);
    return node;
  }

  removeNode(node: Node, reason: GoneReason): void {
    node.retire(reason);
    this.#environment.pool.release(node.link);
    this.#environment.emit('endpointRemoved', this.#event(node));
  }

  massVanished(unlisted: number, known: number): void {
    const message = `${unlisted} of ${known} endpoints of ${this.service} vanished from the registry at once; those that answer are kept`;
    this.#environment.emit('registry', { kind: 'lost', message, service: this.service });
  }

  // NodeOwner

  nodeChanged(node: Node): void {
    this.#announce(node);
    if (!node.isReady) this.#membership.sweep();
    this.#changed();
  }

  #announce(node: Node): void {
    if (node.isReady === this.#announced.has(node)) return;
    if (node.isReady) {
      this.#announced.add(node);
      this.#environment.emit('endpointUp', this.#event(node));
    } else {
      this.#announced.delete(node);
      this.#environment.emit('endpointDown', { ...this.#event(node), reason: node.downReason });
    }
  }

  #update(snapshot: Snapshot): void {
    if (this.#closedReason !== undefined) return;
    this.#membership.apply(snapshot);
    // What the registry says of a node may make it ready or not, whatever its connection does.
    for (const node of this.#membership.nodes) this.#announce(node);
    this.#changedAll();
    this.#wake();
    const { service } = this;
    const { fresh, remembered = false, endpoints } = snapshot;
    this.#environment.emit('viewChanged', {
      service,
      fresh,
      remembered,
      listed: endpoints.length,
      known: this.#membership.size,
    });
  }

  /** Gives the nodes the weights of the rules that are in force now. */
  #weigh(): void {
    let isChanged = false;
    for (const node of this.#membership.nodes)
      isChanged = node.setWeight(this.rules.weightOf(node.endpoint)) || isChanged;
    if (isChanged) this.#changedAll();
  }

  /**
   * Many changes within a tick make one picker. With many nodes, those of some milliseconds do: a picker costs as much as it has
   * nodes, and ten thousand of them may connect one by one. Whoever picks looks at the node again, so nobody is misled meanwhile.
   */
  #changed(delayMs = Math.min(Math.floor(this.#ready.length / NODES_PER_MS), REBUILD_MAX_MS)): void {
    if (this.#stale) return;
    this.#stale = true;
    if (delayMs === 0) queueMicrotask(() => this.#rebuild());
    else this.#cancelRebuild = this.#environment.clock.schedule(delayMs, () => this.#rebuild(), true);
  }

  /** Without delay: lists come no more often than their registry coalesces them. */
  #changedAll(): void {
    if (this.#cancelRebuild !== undefined) {
      this.#cancelRebuild();
      this.#cancelRebuild = undefined;
      this.#stale = false;
    }
    this.#changed(0);
  }

  #rebuild(): void {
    this.#stale = false;
    this.#cancelRebuild = undefined;
    this.#ready = [...this.#membership.nodes].filter((node) => node.isReady);
    this.#picker = this.#environment.pickers.create(this.#ready, this.#health);
    // Also when nothing can be hoped for any more: who waits is to be told why.
    if (this.#ready.length > 0 || !this.#mayComeSoon()) this.#wake();
  }

  #wake(): void {
    for (const waiting of [...this.#waiting]) waiting.done();
  }

  #withoutNode(call: Call): Promise<unknown> {
    if (this.#closedReason !== undefined) return this.#refuse(call, this.#closedReason);
    // Others may be there that the registry has not told of.
    this.#watch.refresh?.();
    if (this.#mayComeSoon() || call.waitForReady) return this.#waitAndCall(call);
    return this.#refuse(call, this.#explain());
  }

  async #waitAndCall(call: Call): Promise<unknown> {
    try {
      await this.#wait(call);
    } catch (error) {
      call.endedAt = this.#environment.clock.now();
      call.settleAttempt(error as RpcError);
      throw error;
    }
    return this.call(call);
  }

  #wait(call: Call): Promise<void> {
    const waiting: Waiting<void> = waitFor<void>(
      this.#environment.clock,
      call,
      () => `a node of "${this.service}": ${this.#explain()}`,
      () => this.#waiting.delete(waiting),
    );
    this.#waiting.add(waiting);
    return waiting.promise;
  }

  /** Whether the first list or a first connection is still on its way: calls made at start-up wait for them. */
  #mayComeSoon(): boolean {
    if (!this.#membership.isKnown || this.#stale) return true;
    for (const node of this.#membership.nodes) {
      const { state, failures } = node.link;
      if (state === 'connecting' && failures === 0 && node.endpoint.state === 'up') return true;
    }
    return false;
  }

  #refuse(call: Call, reason: string): Promise<never> {
    const error = rpcError('UNAVAILABLE', reason, { service: call.service, method: call.method, progress: 'unsent' });
    call.endedAt = this.#environment.clock.now();
    call.settleAttempt(error);
    return Promise.reject(error);
  }

  #explain(): string {
    const { registryDisplay, namespace, registryError } = this.#environment;
    return explainNoNode({
      service: this.service,
      registry: registryDisplay,
      namespace,
      membership: this.#membership,
      registryError: registryError(),
    });
  }

  #event(node: Node): EndpointEvent {
    return { service: this.service, instance: node.endpoint.id, endpoint: node.address };
  }
}
