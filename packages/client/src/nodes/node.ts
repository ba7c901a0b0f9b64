import type { Call } from '@org/rpc-core';
import type { Endpoint, GoneReason } from '@org/rpc-registry';
import { PeakEwmaLoad } from '../picker/load.js';
import { NodeStatus } from '../picker/picker.js';
import type { OutcomeKind } from '../policy/outcome.js';
import type { NodeHealthState } from '../policy/policy-state.js';
import type { LinkObserver, LinkState, NodeLink } from './link.js';
import type { MeasuredNode, NodeHealth } from './node-health.js';
import type { ServiceHealth } from './service-health.js';

/** Why an instance is gone, in words for people. */
const GONE: Readonly<Record<GoneReason, string>> = {
  left: 'it left',
  dead: 'its process is dead',
  unknown: 'neither the registry nor the instance answers for it',
};

/** Is told when the state of a node has changed. */
export interface NodeOwner {
  /** Whether it takes calls may have changed, or how well. */
  nodeChanged(node: Node): void;
}

/** One instance of one service, as calls see it: its connection, its load and its health. Kept by the balancer. */
export class Node implements MeasuredNode, LinkObserver {
  readonly address: string;
  readonly link: NodeLink;
  readonly load: PeakEwmaLoad;
  /** When the registry stopped listing it without a reason, in the clock's milliseconds; `undefined` while it is listed. */
  unlistedAt: number | undefined = undefined;
  /** Whether it was connected when the registry stopped listing it, or since. */
  hasAnsweredUnlisted = false;
  /** What the registry said last. */
  #listed: Endpoint;
  /** The same with the weight of the rules. */
  #endpoint: Endpoint;
  #weight: number | undefined = undefined;
  /** Whether only a list from an earlier run names it: the registry has not answered yet. */
  isRemembered = false;
  readonly #health: NodeHealth;
  readonly #service: ServiceHealth;
  readonly #owner: NodeOwner;
  readonly #now: () => number;
  /** Why it was retired; `undefined` as long as it was not. */
  #goneReason: GoneReason | undefined;

  constructor(endpoint: Endpoint, link: NodeLink, service: ServiceHealth, owner: NodeOwner) {
    this.#listed = endpoint;
    this.#endpoint = endpoint;
    this.link = link;
    this.address = link.address;
    this.#owner = owner;
    this.#service = service;
    this.#now = () => service.clock.now();
    const now = this.#now();
    this.load = new PeakEwmaLoad(now);
    this.#health = service.join(this, now, this.isReady);
    this.load.reported = link.connection?.load;
    link.observe(this);
  }

  /** What the registry said last, with the weight that rules give it. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  set endpoint(listed: Endpoint) {
    this.#listed = listed;
    const weight = this.#weight;
    this.#endpoint = weight === undefined ? listed : Object.freeze({ ...listed, weight });
    this.#health.setPresent(this.isReady, this.#now());
  }

  /**
   * Replaces the weight from the registry; `undefined` restores it.
   * @returns whether that changes anything
   */
  setWeight(weight: number | undefined): boolean {
    const before = this.#endpoint.weight;
    this.#weight = weight;
    this.endpoint = this.#listed;
    return this.#endpoint.weight !== before;
  }

  /** The id of the instance. */
  get instance(): string {
    return this.#listed.id;
  }

  get heardAt(): number {
    return this.link.connection?.heardAt ?? Number.NEGATIVE_INFINITY;
  }

  get hostHeardAt(): number | undefined {
    return this.#service.heardFromHostOf(this);
  }

  /** Whether calls may be given to it. */
  get isReady(): boolean {
    return this.#goneReason === undefined && this.link.state === 'ready' && this.#endpoint.state === 'up';
  }

  /** Why calls may not be given to it, in words for people. */
  get downReason(): string {
    if (this.#goneReason !== undefined) return GONE[this.#goneReason];
    if (this.endpoint.state !== 'up' && this.link.state === 'ready') return `it is ${this.endpoint.state}`;
    return this.link.lastError ?? this.link.state;
  }

  status(call: Call, now: number): NodeStatus {
    if (!this.isReady) return NodeStatus.DOWN;
    const status = this.#health.status(call, now);
    if (status === NodeStatus.PROBE) return this.#isSilent ? NodeStatus.AVOID : status;
    if (status !== NodeStatus.OPEN) return status;
    return this.#isSilent || this.link.connection!.isFull ? NodeStatus.SUSPECT : NodeStatus.OPEN;
  }

  /**
   * A kernel accepts connections for a frozen process: until the server has sent something, other nodes are better, and a trial
   * call would only be lost.
   */
  get #isSilent(): boolean {
    const { connection } = this.link;
    return connection === undefined || !connection.isGreeted || connection.isSuspect;
  }

  /** What speaks against it now besides its connection. */
  health(now: number): NodeHealthState {
    return this.#health.state(now);
  }

  takeProbe(call: Call, now: number): boolean {
    return !this.#isSilent && this.#health.takeProbe(call, now);
  }

  askLoad(onAnswer: () => void): boolean {
    return this.link.connection?.askLoad?.(onAnswer) === true;
  }

  /** Sends an attempt. `undefined` when there is no connection any more. */
  send(call: Call, now: number): Promise<unknown> | undefined {
    const { connection } = this.link;
    if (connection === undefined) {
      // The picker may have given the probe slot to this call.
      this.#health.settled(call, 'ignore', now);
      call.isTrial = false;
      if (call.trail !== undefined) call.trail.trial = undefined;
      return undefined;
    }
    call.destination = this;
    call.startedAt = now;
    this.#service.callStarted();
    if (call.stream === undefined) this.load.started(now);
    else this.load.streamStarted();
    return connection.send(call);
  }

  /** The attempt that was sent here has ended. */
  settled(call: Call, kind: OutcomeKind): void {
    const now = call.endedAt > call.startedAt ? call.endedAt : this.#now();
    this.#service.callSettled();
    if (call.stream === undefined) this.load.settled(now, call.startedAt, kind, call);
    else this.load.streamSettled(now, kind, call);
    this.#health.settled(call, kind, now);
    if (this.#service.isJudged) this.#service.judge(this, call, kind, now);
  }

  /** Takes no more calls. Those in flight are finished by the link. */
  retire(reason: GoneReason): void {
    if (this.#goneReason !== undefined) return;
    this.#goneReason = reason;
    this.link.unobserve(this);
    this.#health.close();
    this.#owner.nodeChanged(this);
  }

  linkChanged(link: NodeLink, previous: LinkState): void {
    this.load.reported = link.connection?.load;
    this.#health.setPresent(this.isReady, this.#now());
    if (link.state === 'ready' && previous !== 'ready') this.#health.reconnected(this.#now());
    this.#owner.nodeChanged(this);
  }
}
