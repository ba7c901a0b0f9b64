import {
  type Call,
  CallTrail,
  type Clock,
  type Explanation,
  type Gate,
  type NodeSubset,
  type Outcome,
  type Random,
  type RpcError,
  type RulePolicy,
} from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import type { RegistryHandle, Snapshot, Watch } from '@org/rpc-registry';
import type { FirstList } from '../client-method.js';
import { NodeStatus, type PickerFactory, type PickerNode, wasTried } from '../picker/picker.js';
import type { BreakerGroup } from '../policy/breaker-group.js';
import { darkBreakers } from '../policy/dark-breakers.js';
import { darkServicePolicy, foldServicePolicies, type PolicySource } from '../policy/fold.js';
import { classify, type OutcomeKind } from '../policy/outcome.js';
import { ServiceRules } from '../rules/service-rules.js';
import { Announcer, type Emit } from './announcer.js';
import { explainNoNode, noNodeCode } from './explain.js';
import { explain, explainChoice, explainLeftOut, keepExplanation, type NodesNow } from './explanation.js';
import { Node, type NodeOwner } from './node.js';
import type { Pool } from './pool.js';
import { Roster } from './roster.js';
import { ServiceHealth } from './service-health.js';
import { ServicePart } from './service-part.js';
import { ServicePickers } from './service-pickers.js';
import { View } from './view.js';
import { WaitingRoom } from './waiting-room.js';

/** For how long after the registry's first answer an empty list is no reason to refuse, in milliseconds. */
const YOUNG_MS = 500;

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
  /** Over TLS, the identity that the instances must prove; `undefined`: the name of their host. */
  readonly identity?: string | undefined;
  readonly pickers: PickerFactory;
  readonly breakers: BreakerGroup | undefined;
  /** The zone of the client, for pickers that ask; `undefined` when it was not given. */
  readonly zone?: string | undefined;
  /** The options for the service as a whole, the nearest first; left out: none. */
  readonly sources?: readonly PolicySource[] | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** Whether the client has called the service; left out where nobody knows. */
  readonly hasCalled?: (() => boolean) | undefined;
  /** Other rules are in force. */
  readonly onRules?: (() => void) | undefined;
  /** The balancer of the service after this one was let go; `undefined` when the client is closed. Left out where none ever is. */
  readonly successor?: (() => Balancer | undefined) | undefined;
}

/**
 * The bottom of the stack for one service: gives each attempt to one of its nodes. The roster knows which nodes there are, the
 * view which take calls and which is best, the waiting room holds calls that find no node, and the announcer tells observers. A
 * pick never waits: it is the call that waits for the next picker.
 */
export class Balancer implements NodeOwner, FirstList {
  readonly service: string;
  /** What operators have ordered for the service. */
  readonly rules: ServiceRules;
  readonly roster: Roster;
  /** Which of the listed instances are used. */
  readonly part: ServicePart;
  readonly #environment: BalancerEnvironment;
  readonly #pickers: ServicePickers;
  /** Whether its pickers may ask nodes how busy they are. */
  #asks: boolean;
  /** Whether they are told how attempts end. */
  #watches: boolean;
  readonly #health: ServiceHealth;
  readonly #view: View;
  readonly #room: WaitingRoom;
  readonly #announcer: Announcer;
  #watch: Watch | undefined;
  #closedReason: string | undefined;
  #isResting = false;
  #wantedAt: number;
  /** Set while the first list was empty, and not long ago. */
  #isYoung = false;
  #cancelYoung: (() => void) | undefined;

  /** Does nothing yet: see {@link open}. */
  constructor(service: string, environment: BalancerEnvironment) {
    this.service = service;
    this.#environment = environment;
    const tells = (policy: RulePolicy) => (method: string, effect: string) =>
      this.rules.counts.add(policy, method, effect);
    this.#pickers = new ServicePickers(environment.pickers, tells('balancer'));
    this.#asks = environment.pickers.wantsLoad === true;
    this.#watches = environment.pickers.watches === true;
    const { clock, random, breakers, zone, pool, identity, registry, instance, emit, hasCalled } = environment;
    this.#wantedAt = clock.now();
    const { sources = [] } = environment;
    const { ejection, subset } = foldServicePolicies(sources, undefined);
    this.part = new ServicePart(instance, subset);
    const onEjection = ({ address: endpoint, instance }: PickerNode, forMs: number | undefined): void => {
      if (forMs === undefined) emit('readmitted', { endpoint, instance, service });
      else emit('ejected', { endpoint, instance, service, forMs });
    };
    const health = new ServiceHealth({ clock, random, breakers, ejection, onEjection, zone });
    this.#health = health;
    const onSwap = (): void => {
      const { current } = this.rules;
      const values = foldServicePolicies(sources, current);
      health.setEjection(values.ejection);
      health.setDarkEjection(darkServicePolicy('ejection', sources, current), tells('ejection'));
      health.setBreakers(darkBreakers(current, sources, environment, tells('breaker')));
      const relisted = this.part.use(values.subset, darkServicePolicy('subset', sources, current));
      health.setDarkPart(this.part.isJudged ? this.part : undefined, tells('subset'));
      environment.onRules?.();
      if (relisted !== undefined) this.#update(relisted);
      if (this.#pickers.apply(current)) this.#repick();
      else if (this.roster.weigh()) this.#view.changedAll();
    };
    this.rules = new ServiceRules(service, { source: registry.rules, instance, clock, emit, onSwap, hasCalled });
    this.#announcer = new Announcer(service, emit);
    this.#room = new WaitingRoom(clock);
    const weightOf = this.rules.weightOf.bind(this.rules);
    this.roster = new Roster({ clock, pool, identity, health, weightOf, observer: this.#announcer, owner: this });
    this.#view = new View({
      clock,
      pickers: () => this.#pickers.now,
      environment: health,
      nodes: () => this.roster.nodes,
      onSwap: () => this.#swapped(),
    });
  }

  /** Others choose from now on. */
  #repick(): void {
    const { wantsLoad, watches } = this.#pickers.now;
    this.#asks = wantsLoad === true;
    this.#watches = watches === true;
    this.roster.weigh();
    this.#view.rebuild();
  }

  /** Begins to follow the registry. To be ended with {@link close}. */
  open(): this {
    this.rules.open();
    this.#watch ??= this.#environment.registry.watch(this.service, (snapshot) => this.#update(snapshot));
    return this;
  }

  /** The name of what chooses. */
  get picker(): string {
    return this.#pickers.now.name;
  }

  /** Every node, those included that take no calls. */
  get nodes(): Iterable<Node> {
    return this.roster.nodes;
  }

  get isClosed(): boolean {
    return this.#closedReason !== undefined;
  }

  /** Whether it can be let go: there is no instance, and no call waits for one. */
  get isIdle(): boolean {
    return this.roster.size === 0 && this.#room.size === 0;
  }

  /** Whether it was let go: another one is to be asked. */
  get isResting(): boolean {
    return this.#isResting;
  }

  /** When a call last found no instance, or when it was made if none did. */
  get wantedAt(): number {
    return this.#wantedAt;
  }

  /** How many nodes take calls. */
  get readyCount(): number {
    return this.#view.readyCount;
  }

  /** Gives an attempt to a node: the innermost service of the stack. */
  readonly call = (call: Call): Promise<unknown> => {
    const now = call.attempt === 0 && !call.hasWaited ? call.createdAt : this.#environment.clock.now();
    const { pinned, subset, root } = call;
    // Before a picker looks: its choice may take a trial call.
    const found = root.explanations === undefined ? undefined : this.explain(call);
    const isFree = pinned === undefined && subset === undefined;
    if (this.#asks && isFree) {
      const asked = this.#view.picker.ask?.(call, now);
      if (asked !== undefined) return this.#callAsked(call, asked, found);
    }
    const node = isFree ? this.#view.picker.pick(call, now) : this.#directed(call, now);
    return this.#give(call, node, now, found);
  };

  /** What an attempt of a method of this service finds now. Nothing is changed by it. */
  explain(call: Call): Explanation {
    return explain(call, this.#nodesNow);
  }

  /** Names the instances that a call has not tried and would be kept from now, for its error; `''` when there are none. */
  leftOut(call: Call): string {
    return explainLeftOut(call, this.#nodesNow, this.roster.size);
  }

  get #nodesNow(): NodesNow {
    const { clock, zone } = this.#environment;
    const { nodes, isAnswered: known, isFresh: fresh, unused } = this.roster;
    return { nodes, known, fresh, unused, picker: this.picker, zone, now: clock.now() };
  }

  #give(call: Call, node: Node | undefined, now: number, found: Explanation | undefined): Promise<unknown> {
    if (found !== undefined) keepExplanation(call.root.explanations!, explainChoice(found, call, node));
    if (node === undefined) return this.#withoutNode(call);
    if (call.isHedge && wasTried(call, node)) return this.#refuse(call, 'there is no other node to hedge to');
    return node.send(call, now) ?? this.#withoutNode(call);
  }

  /** Nodes are being asked how busy they are. */
  async #callAsked(call: Call, asked: Promise<Node | undefined>, found: Explanation | undefined): Promise<unknown> {
    const node = await this.#waited(call, asked);
    const now = this.#environment.clock.now();
    return this.#give(call, node?.isReady ? node : this.#view.picker.pick(call, now), now, found);
  }

  /** The node that a call is for, or one of those to which it is led, if it takes calls. */
  #directed(call: Call, now: number): Node | undefined {
    const { pinned, subset } = call;
    if (pinned !== undefined) return pinned instanceof Node && pinned.isReady ? pinned : undefined;
    const node = this.#view.pickerOf(subset!).pick(call, now);
    return node === undefined && !subset!.isStrict ? this.#view.picker.pick(call, now) : node;
  }

  /**
   * Gives a call to one of its nodes if that is well and has room, and says nothing of it to anybody: it waits for nothing, and its
   * outcome is held against no node. `undefined` when there is none.
   */
  offer(call: Call): Promise<unknown> | undefined {
    const now = this.#environment.clock.now();
    const node = call.subset === undefined ? this.#view.picker.pick(call, now) : this.#directed(call, now);
    if (node?.status(call, now) !== NodeStatus.OPEN) return undefined;
    call.attemptGate = this.#offered;
    return node.send(call, now);
  }

  readonly #offered: Required<Gate> = {
    enter: () => undefined,
    settle: (call, outcome) => this.settle(call, outcome, 'ignore'),
  };

  /** Every instance that is listed and does not leave, those included that cannot be reached. */
  get members(): readonly Node[] {
    return [...this.roster.nodes].filter((node) => node.unlistedAt === undefined && node.endpoint.state !== 'draining');
  }

  /** The gate that lets nodes see how attempts end. */
  settle(call: Call, outcome: Outcome, kind: OutcomeKind = classify(outcome)): void {
    const node = call.destination;
    if (!(node instanceof Node)) return;
    node.settled(call, kind);
    if (this.#watches && call.stream === undefined)
      this.#view.picker.settled?.(node, call.endedAt - call.startedAt, kind, call.endedAt);
  }

  /** Whether an attempt is at a node that takes longer than most, by more than answers vary. */
  isSlow({ destination }: Call, now: number): boolean {
    return destination instanceof Node && this.#health.isSlow(destination, now);
  }

  /** Whether a call that a node has denied may be answered by one that it has not tried. */
  mayBeAnswered(call: Call): boolean {
    return this.#view.hasUntried(call) && this.#health.denials.mayBeAnswered(call, this.#environment.clock.now());
  }

  /** Resolves when a node takes calls, rejects when the call's deadline passes first. */
  async untilReady(call: Call): Promise<void> {
    while (this.readyCount === 0) {
      const successor = this.#isResting && !this.isClosed ? this.#environment.successor?.() : undefined;
      if (successor !== undefined) return successor.untilReady(call);
      await this.#wait(call);
    }
  }

  // FirstList

  /** Whether the first list has come. A server that answers is as good as one, wherever it is known from. */
  get isKnown(): boolean {
    return this.roster.isAnswered || this.readyCount > 0 || this.#closedReason !== undefined;
  }

  /** Lets a call wait for the first list. @throws RpcError of a wait that ended with the call */
  async untilKnown(call: Call): Promise<void> {
    while (!this.isKnown) await this.#wait(call);
  }

  /** Checks unlisted nodes; called about once a second. */
  tick(): void {
    this.roster.sweep();
    this.rules.tick();
  }

  /** Follows the registry no longer. A call that is on its way to it all the same goes to its successor. */
  rest(): void {
    this.#isResting = true;
    this.#cancelYoung?.();
    this.#watch?.close();
    this.rules.close();
    this.#health.setBreakers(undefined);
  }

  close(reason: string): void {
    this.#closedReason = reason;
    this.rest();
    this.#room.close(() => rpcError('UNAVAILABLE', reason));
    this.roster.close();
    this.#view.rebuild();
  }

  // NodeOwner

  nodeChanged(node: Node): void {
    this.#announcer.nodeChanged(node);
    if (!node.isReady) this.roster.sweep();
    this.#view.changed();
  }

  #update(whole: Snapshot): void {
    if (this.#isResting) return;
    const snapshot = this.part.narrow(whole);
    this.roster.apply(snapshot);
    if (this.roster.isAnswered && !this.roster.hasListed) this.#beYoung();
    // What the registry says of a node may make it ready or not, independent of its connection.
    for (const node of this.roster.nodes) this.#announcer.nodeChanged(node);
    this.#view.changedAll();
    this.#room.wake();
    this.#announcer.viewChanged(snapshot, this.roster.size);
  }

  /** A server that has just begun to listen may be listed a moment after its client has asked for it. */
  #beYoung(): void {
    if (this.#cancelYoung !== undefined) return;
    this.#isYoung = true;
    const age = (): void => {
      this.#isYoung = false;
      this.#room.wake();
    };
    this.#cancelYoung = this.#environment.clock.schedule(YOUNG_MS, age, true);
  }

  #swapped(): void {
    // Also when no node can come any more: calls that wait must be told why.
    if (this.readyCount > 0 || !this.#mayComeSoon()) this.#room.wake();
  }

  #withoutNode(call: Call): Promise<unknown> {
    if (this.#closedReason !== undefined) return this.#refuse(call, this.#closedReason);
    if (this.#isResting) {
      const successor = this.#environment.successor?.();
      return successor === undefined ? this.#refuse(call, 'the client was closed') : successor.call(call);
    }
    if (call.pinned instanceof Node) return this.#withoutPinned(call, call.pinned);
    this.#wantedAt = this.#environment.clock.now();
    // There may be others that the registry has not listed yet.
    this.#watch?.refresh?.();
    if (this.#mayComeSoon() || call.waitForReady) return this.#waitAndCall(call);
    return this.#refuse(call, this.#explain(call.subset), noNodeCode(this.roster));
  }

  /** The one node that a call is for does not take it now. */
  #withoutPinned(call: Call, { link, endpoint, downReason, address }: Node): Promise<unknown> {
    if (link.mayComeSoon && endpoint.state === 'up') return this.#waitAndCall(call);
    return this.#refuse(call, `${address}: ${downReason}`);
  }

  async #waitAndCall(call: Call): Promise<unknown> {
    await this.#waited(call, this.#wait(call));
    return this.call(call);
  }

  /** Ends the attempt of a call that waits in vain. */
  async #waited<T>(call: Call, waiting: Promise<T>): Promise<T> {
    try {
      return await waiting;
    } catch (error) {
      call.endedAt = this.#environment.clock.now();
      call.settleAttempt(error as RpcError);
      throw error;
    }
  }

  #wait(call: Call): Promise<void> {
    const since = this.#environment.clock.now();
    const what = (): string => `a node of "${this.service}": ${this.#explain()}`;
    return this.#room.wait(call, what, () => this.roster.lackSince(since));
  }

  /**
   * Whether the first list or a first connection is still on its way: calls made at start-up wait for them. A list of an earlier
   * run that does not answer is no reason to refuse as long as the registry has not answered.
   */
  #mayComeSoon(): boolean {
    if (!this.roster.isAnswered || this.#view.isStale) return true;
    if (this.#isYoung && !this.roster.hasListed) return true;
    for (const node of this.roster.nodes) if (node.link.mayComeSoon && node.endpoint.state === 'up') return true;
    return false;
  }

  #refuse(call: Call, reason: string, code: 'UNAUTHENTICATED' | 'UNAVAILABLE' = 'UNAVAILABLE'): Promise<never> {
    const { service, method } = call;
    const error = rpcError(code, reason, { service, method, progress: 'unsent', hasStack: false });
    call.endedAt = this.#environment.clock.now();
    call.trail ??= new CallTrail();
    call.trail.lack = this.roster.lack;
    call.settleAttempt(error);
    return Promise.reject(error);
  }

  #explain(subset?: NodeSubset): string {
    if (subset !== undefined && this.readyCount > 0)
      return `no node to which the route "${subset.name}" of the rules of "${this.service}" leads takes calls`;
    const { registryDisplay, namespace, registryError } = this.#environment;
    return explainNoNode({
      service: this.service,
      registry: registryDisplay,
      namespace,
      roster: this.roster,
      registryError: registryError(),
    });
  }
}
