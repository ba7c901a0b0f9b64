import type { Call } from '@org/rpc-core';
import { assertBoolean, assertKnownOptions } from '@org/rpc-core/internal';
import { LoadQuestion } from './load-question.js';
import type { Picker, PickerEnvironment, PickerFactory, PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, pickInPanic, RANK_BEST, rankNode } from './rank.js';

/** Pairs that are drawn in search of an open node. Source: Finagle's `maxEffort`: at half the nodes ill, 4 miss in 0.4 %. */
const ROUNDS = 4;

/**
 * Loads that differ by less are alike, and chance decides. Otherwise a caller of one call at a time would give all of them to the
 * node that is a thousandth faster, and starve the others.
 */
const ALIKE = 1.02;

/** How steeply the cost of a node rises that takes clearly longer than the other: at three times as long, it is 81 times as much. */
const SLOWER_POWER = 4;

/** Up to this many nodes, a repeated attempt looks at all of them, and so does one that has drawn no open node: one may be left. */
const SCAN_MAX = 8;

/** What can be said of {@link p2c}. */
export interface P2cOptions {
  /**
   * Whether two nodes are asked how busy they are before one of them is chosen, where the client does not know it of late, and where the
   * answer takes a tenth of what calls take at most (default false). It is for many clients that seldom call each of many nodes. Servers
   * of an earlier version do not answer, and are chosen as without it.
   */
  readonly asks?: boolean | undefined;
}

/**
 * The default balancing policy: of two nodes drawn at random, the healthier, and of two healthy ones the one with the lower
 * load, see {@link NodeLoad}. It keeps away from slow, failing and hanging nodes within a few calls, and its price does not
 * grow with the number of nodes.
 *
 * A node whose answers take longer than those of the other, by more than they vary, is taken while the other would have to let calls wait.
 *
 * Nodes are drawn as often as they weigh, and their load counts by what they weigh; those that warm up pass as much more often.
 *
 * Sources: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001); Finagle `P2CPick.scala`.
 */
export function p2c(options: P2cOptions = {}): PickerFactory {
  assertKnownOptions('p2c', options, ['asks']);
  const { asks = false } = options;
  assertBoolean('p2c', 'asks', asks);
  return {
    name: 'p2c',
    wantsLoad: asks,
    create: (nodes, environment) => new P2cPicker(nodes, environment, asks),
  };
}

class P2cPicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;
  /** The weights up to and with each node; empty when all weigh the same. */
  readonly #upTo: Float64Array;
  readonly #question: LoadQuestion<N> | undefined;

  constructor(nodes: readonly N[], environment: PickerEnvironment, asks: boolean) {
    this.#question = asks ? new LoadQuestion(environment) : undefined;
    const weighted = nodes.filter((node) => node.endpoint.weight > 0);
    this.#nodes = weighted.length > 0 ? weighted : nodes;
    const first = this.#nodes[0]?.endpoint.weight;
    const isEven = this.#nodes.every((node) => node.endpoint.weight === first);
    this.#upTo = isEven ? EVEN : sums(this.#nodes);
    this.#environment = environment;
    this.#probes = new ProbeFinder(this.#nodes, environment);
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (this.#environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    if (nodes.length < 2) return nodes[0];
    if (isPanic(call, nodes.length, this.#environment))
      return pickInPanic(call, nodes, now, Math.floor(this.#environment.random() * nodes.length));
    if (nodes.length <= SCAN_MAX && isRepeated(call)) return this.#best(call, now);
    return this.#draw(call, now);
  }

  ask(call: Call, now: number): Promise<N> | undefined {
    const question = this.#question;
    const environment = this.#environment;
    const nodes = this.#nodes;
    if (question === undefined || nodes.length < 2 || call.root.attempts !== undefined) return undefined;
    const isProbing = environment.probing.size > 0;
    if ((isProbing && environment.mayTry) || isPanic(call, nodes.length, environment)) return undefined;
    const i = this.#drawOne();
    const a = nodes[i]!;
    const b = nodes[this.#drawOther(i, false)]!;
    // What is ill or new is for the usual choice.
    if (rankNode(call, a, now) < RANK_BEST || rankNode(call, b, now) < RANK_BEST) return undefined;
    if (a.load.share(now) < 1 || b.load.share(now) < 1) return undefined;
    const asked = question.isAnswered(a, b, now) ? DONE : question.ask(call, a, b, now);
    if (asked === undefined) return undefined;
    if (isProbing && call.attempt === 0) environment.earnTrial();
    return asked.then(() => {
      const chosenAt = environment.clock.now();
      return question.lessBusy(a, b, chosenAt) ?? this.#cheaper(call, a, b, chosenAt);
    });
  }

  /** Draws pairs until one holds an open node that the call has not tried; else the best of what was drawn. */
  #draw(call: Call, now: number): N {
    const nodes = this.#nodes;
    let best = nodes[0]!;
    let bestRank = -1;
    for (let round = 0; round < ROUNDS; round++) {
      const i = this.#drawOne();
      const a = nodes[i]!;
      const rankA = rankNode(call, a, now);
      const b = nodes[this.#drawOther(i, rankA === RANK_BEST)]!;
      const rankB = rankNode(call, b, now);
      const passesA = this.#passes(a, now);
      const passesB = this.#passes(b, now);
      let takesA = rankA > rankB;
      if (rankA === rankB) takesA = passesA === passesB ? this.#cheaper(call, a, b, now) === a : passesB;
      const rank = takesA ? rankA : rankB;
      if (rank > bestRank) {
        best = takesA ? a : b;
        bestRank = rank;
      }
      if (rank === RANK_BEST && !(passesA && passesB)) return takesA ? a : b;
    }
    // With few nodes none should be missed by chance.
    return bestRank === RANK_BEST || nodes.length > SCAN_MAX ? best : this.#best(call, now);
  }

  /** A node by chance, each as often as it weighs. */
  #drawOne(): number {
    const { random } = this.#environment;
    const upTo = this.#upTo;
    if (upTo.length === 0) return Math.floor(random() * this.#nodes.length);
    const drawn = random() * upTo[upTo.length - 1]!;
    let low = 0;
    let high = upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * The second of a pair. By weight the same node may be drawn again and is then taken without a rival; otherwise heavy nodes
   * would get less than their share. A node that is not well always gets a rival.
   */
  #drawOther(first: number, isWell: boolean): number {
    const { length } = this.#nodes;
    if (this.#upTo.length === 0) {
      const k = Math.floor(this.#environment.random() * (length - 1));
      return k >= first ? k + 1 : k;
    }
    const drawn = this.#drawOne();
    return drawn !== first || isWell ? drawn : (first + 1) % length;
  }

  /** Its load, in which calls in flight count by its weight: of two nodes that are as busy, the heavier has more to spare. */
  #cost(call: Call, node: N, now: number): number {
    const cost = node.load.cost(now, call);
    const upTo = this.#upTo;
    if (upTo.length === 0) return cost;
    const { inFlight } = node.load;
    const weight = (node.endpoint.weight * upTo.length) / upTo[upTo.length - 1]!;
    return (cost * (inFlight / weight + 1)) / (inFlight + 1);
  }

  /** The first where both cost the same, or nearly. */
  #cheaper(call: Call, a: N, b: N, now: number): N {
    const costA = this.#cost(call, a, now) * surcharge(a, b, now);
    const costB = this.#cost(call, b, now) * surcharge(b, a, now);
    return costA <= ALIKE * costB ? a : b;
  }

  /** Whether a node that is to get less than its peers lets this draw pass. */
  #passes(node: N, now: number): boolean {
    const share = node.load.share(now);
    return share < 1 && this.#environment.random() >= share;
  }

  /** The best of all nodes: for few nodes, and for calls that have tried one. */
  #best(call: Call, now: number): N {
    let best = this.#nodes[0]!;
    let bestRank = -1;
    for (const node of this.#nodes) {
      const rank = rankNode(call, node, now);
      if (rank < bestRank || (rank === bestRank && this.#cheaper(call, best, node, now) === best)) continue;
      best = node;
      bestRank = rank;
    }
    return best;
  }
}

/**
 * What a node costs more that takes clearly longer than the other. By load alone, many calls in flight at the faster one, which harm nobody
 * where servers have room, would send some to the slower one. Where they do harm, they show in the latency of the faster one: then it is
 * clearly faster no more.
 */
function surcharge(node: PickerNode, other: PickerNode, now: number): number {
  const times = node.load.timesSlower(other.load, now);
  return times === 1 ? 1 : times ** SLOWER_POWER;
}

/** Whether the call was at a node already, or is at one now. */
function isRepeated(call: Call): boolean {
  const { attempts, rivals } = call.root;
  return attempts !== undefined || rivals !== undefined;
}

const EVEN = new Float64Array();
const DONE = Promise.resolve();

function sums(nodes: readonly PickerNode[]): Float64Array {
  let sum = 0;
  return Float64Array.from(nodes, ({ endpoint: { weight } }) => (sum += weight));
}
