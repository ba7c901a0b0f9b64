import type { Call, Clock, Random } from '@org/rpc-core';
import { POLICIES, resolvePolicy } from '@org/rpc-core/internal';
import { medianLatencyMs, medianUsualMaxMs, type PeakEwmaLoad } from '../picker/load.js';
import type { PickerEnvironment, PickerNode } from '../picker/picker.js';
import type { Breaker } from '../policy/breaker.js';
import type { BreakerGroup } from '../policy/breaker-group.js';
import type { DarkBreakers } from '../policy/dark-breakers.js';
import { DarkEjection, EjectionCount, type EjectionValues } from '../policy/ejection.js';
import type { OutcomeKind } from '../policy/outcome.js';
import { Denials } from './denials.js';
import { methodKey } from './method-key.js';
import { type MeasuredNode, NodeHealth, type NodePeers, RAMP_MS } from './node-health.js';

/** The share of the calls that may be trial calls, and how many may follow each other. */
const TRIAL_SHARE = 0.02;
const TRIALS_MAX = 3;

/** So many nodes are looked at for one that was heard from lately: whoever fails asks, and many may fail at once. */
const NODES_SEEN_MAX = 256;

/** How long what most nodes take is used before it is computed again, in milliseconds. */
const USUAL_FOR_MS = 100;

/** Is told of what a dark rule would have done with a call of a method. */
type TellDark = (method: string, effect: string) => void;

/** What the health of a service's nodes is made of. */
export interface ServiceHealthSettings {
  readonly clock: Clock;
  readonly random: Random;
  /** The breakers of the client; `undefined` when they are off. */
  readonly breakers: BreakerGroup | undefined;
  /** When nodes are left alone; left out: as by default. */
  readonly ejection?: EjectionValues | undefined;
  /** Told when a node is left alone, see `NodePeers`. */
  readonly onEjection?: ((node: PickerNode, forMs: number | undefined) => void) | undefined;
  /** Where the client is; `undefined` when nobody has said. */
  readonly zone?: string | undefined;
}

/**
 * What the nodes of one service know of each other: who has a probe due, how many are avoided for which method, and what a
 * usual latency is, and how many calls they have in all. One for each balancer, which hands it to its pickers as their environment.
 */
export class ServiceHealth implements PickerEnvironment, NodePeers {
  readonly clock: Clock;
  readonly random: Random;
  readonly breakers: BreakerGroup | undefined;
  readonly zone: string | undefined;
  readonly denials: Denials = new Denials();
  readonly ejections: EjectionCount = new EjectionCount();
  #ejection: EjectionValues;
  /** What dark rules would leave alone; `undefined` where there are none. */
  #darkEjection: DarkEjection | undefined;
  #darkBreakers: DarkBreakers | undefined;
  /** Whether there is any: then calls that have ended are to be told to {@link judge}. */
  isJudged = false;
  #tellDark: TellDark | undefined;
  #darkPart: { wouldLeave(id: string): boolean } | undefined;
  #tellDarkPart: TellDark | undefined;
  readonly #onEjection: ServiceHealthSettings['onEjection'];
  readonly #healths = new Set<NodeHealth>();
  readonly #nodes = new Set<MeasuredNode>();
  readonly #probing = new Set<PickerNode>();
  /** How many breakers are open, by {@link methodKey}; methods without any are not in it. */
  readonly #open = new Map<string, number>();
  /** Trial calls that may be made now. */
  #trials = TRIALS_MAX;
  readonly #loads = new Set<PeakEwmaLoad>();
  /** When the nodes of the last {@link RAMP_MS} joined, the earliest first. */
  readonly #joinedAt: number[] = [];
  #inFlight = 0;
  #started = 0;
  #usualMaxMs = Number.NaN;
  #usualAskedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: ServiceHealthSettings) {
    this.clock = settings.clock;
    this.random = settings.random;
    this.breakers = settings.breakers;
    this.zone = settings.zone;
    this.#ejection = settings.ejection ?? resolvePolicy('ejection', POLICIES.ejection);
    this.#onEjection = settings.onEjection;
  }

  get ejection(): EjectionValues {
    return this.#ejection;
  }

  /** From now on nodes are left alone like this; those that are stay so until they are tried, unless none is to be any more. */
  setEjection(values: EjectionValues): void {
    this.#ejection = values;
    if (values.maxPercent === 0) for (const health of this.#healths) health.readmit(this.clock.now());
  }

  /**
   * From now on a dark rule is judged by these values; `undefined`: none is.
   * @param tell - called with the method of the call after which a node would be left alone, and what would become of it
   */
  setDarkEjection(values: EjectionValues | undefined, tell: TellDark): void {
    this.#tellDark = tell;
    this.#darkEjection = values && new DarkEjection(values, this.random);
    this.#updateJudged();
  }

  /** The same for the part of the instances that is used. */
  setDarkPart(part: { wouldLeave(id: string): boolean } | undefined, tell: TellDark): void {
    this.#tellDarkPart = tell;
    this.#darkPart = part;
    this.#updateJudged();
  }

  /** From now on breakers go by what the rules in force say, and a dark rule is judged by `dark`; `undefined`: none is. */
  setBreakers(dark: DarkBreakers | undefined): void {
    for (const health of this.#healths) health.refreshBreakers();
    this.#darkBreakers?.close();
    this.#darkBreakers = dark;
    this.#updateJudged();
  }

  #updateJudged(): void {
    const isJudged = this.#darkEjection !== undefined || this.#darkBreakers !== undefined;
    this.isJudged = isJudged || this.#darkPart !== undefined;
  }

  /** A call at a node has ended while a dark rule is judged. */
  judge(node: MeasuredNode, call: Call, kind: OutcomeKind, now: number): void {
    this.#darkBreakers?.record(node, call, kind, now);
    if (this.#darkPart?.wouldLeave(node.endpoint.id))
      this.#tellDarkPart?.(call.method, 'its instance would not be used');
    const dark = this.#darkEjection;
    if (dark === undefined || !dark.record(node, kind, call.startedAt, now)) return;
    if (this.ejections.mayEject(dark.values))
      this.#tellDark?.(call.method, `${node.address} would have been left alone`);
  }

  ejected(node: MeasuredNode, forMs: number | undefined): void {
    this.#onEjection?.(node, forMs);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** A call or a stream is given to a node. */
  callStarted(): void {
    this.#inFlight++;
    this.#started++;
  }

  /** One that was has ended, in whatever way. */
  callSettled(): void {
    this.#inFlight--;
  }

  get probing(): ReadonlySet<PickerNode> {
    return this.#probing;
  }

  earnTrial(): void {
    this.#trials = Math.min(TRIALS_MAX, this.#trials + TRIAL_SHARE);
  }

  get mayTry(): boolean {
    return this.#trials >= 1;
  }

  spendTrial(): void {
    this.#trials--;
  }

  avoided(call: Call): number {
    const { ejected } = this.ejections;
    return this.#open.size === 0 ? ejected : ejected + (this.#open.get(methodKey(call)) ?? 0);
  }

  get size(): number {
    return this.#loads.size;
  }

  get started(): number {
    return this.#started;
  }

  /**
   * Takes in a node: its load starts with the median of its peers. Whoever joins it closes its health when the node is gone.
   * @param isPresent - whether calls can be given to it already; what comes later is told by `setPresent`
   */
  join(node: MeasuredNode, now: number, isPresent = true): NodeHealth {
    this.#loads.add(node.load);
    const health = new NodeHealth(node, this, now);
    this.#healths.add(health);
    this.#nodes.add(node);
    if (isPresent) health.setPresent(true, now);
    else node.load.reset(this.medianMs(node, now), now);
    return health;
  }

  /** When bytes last came from another node at the same host; `undefined` where none is known. */
  heardFromHostOf(node: MeasuredNode): number | undefined {
    const { address } = node;
    const host = address.slice(0, address.lastIndexOf(':') + 1);
    let latest: number | undefined;
    let seen = 0;
    for (const other of this.#nodes) {
      if (++seen > NODES_SEEN_MAX) break;
      if (other !== node && other.address.startsWith(host)) latest = Math.max(latest ?? 0, other.heardAt ?? 0);
    }
    return latest;
  }

  /** A node can be called for the first time: its share rises slowly from now on, unless most of them are as new as it is. */
  arrived(node: MeasuredNode, now: number): void {
    node.load.reset(this.medianMs(node, now), now);
    this.#joinedAt.push(now);
    while (this.#joinedAt[0]! < now - RAMP_MS) this.#joinedAt.shift();
    if (this.#joinedAt.length * 2 <= this.ejections.present) node.load.ramp(RAMP_MS, now);
  }

  leave(node: MeasuredNode, health: NodeHealth): void {
    this.#healths.delete(health);
    this.#nodes.delete(node);
    this.#loads.delete(node.load);
    this.#probing.delete(node);
    this.denials.forget(node);
  }

  setProbing(node: PickerNode, probing: boolean): void {
    if (probing) this.#probing.add(node);
    else this.#probing.delete(node);
  }

  countOpen(breaker: Breaker, change: 1 | -1): void {
    const key = methodKey(breaker);
    const open = (this.#open.get(key) ?? 0) + change;
    if (open > 0) this.#open.set(key, open);
    else this.#open.delete(key);
  }

  /**
   * Whether the answers of a node took longer than those of most, by more than they vary. What was seen of it last counts until it answers
   * faster, however long ago that was: it is seldom called.
   */
  isSlow(node: MeasuredNode, now: number): boolean {
    if (now - this.#usualAskedAt >= USUAL_FOR_MS) {
      this.#usualAskedAt = now;
      this.#usualMaxMs = medianUsualMaxMs(this.#loads) ?? Number.NaN;
    }
    return node.load.usualMinMs > this.#usualMaxMs;
  }

  medianMs(node: MeasuredNode, now: number): number | undefined {
    return medianLatencyMs(this.#loads, node.load, now);
  }
}
