import type { Call } from '@org/rpc-core';
import { assertFits, assertKnownOptions, assertNumber } from '@org/rpc-core/internal';
import { hash, mix } from '../policy/hash.js';
import { type HashTable, maglev, ring } from './hash-table.js';
import { NodeStatus, type Picker, type PickerEnvironment, type PickerFactory, type PickerNode } from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { isPanic, RANK_BEST, rankNode } from './rank.js';
import { weighted, weightsOf } from './weights.js';

/** Where the key of a call comes from: a key of its metadata, the index of an argument, or a function. */
export type HashKeySource =
  | { readonly metadata: string }
  | { readonly argument: number }
  | ((call: Call) => string | undefined);

/** Options of {@link consistentHash}. */
export interface ConsistentHashOptions {
  /** Where the key is, for calls that are given no `hashKey`. Default: nowhere; a call without a key goes to a node by chance. */
  readonly key?: HashKeySource | undefined;
  /**
   * The most that a node gets, as a multiple of its share of the calls in flight, 1 to 100 (default 1.25); more calls go to
   * another node.
   */
  readonly maxLoad?: number | undefined;
  /**
   * - `maglev` (default): shares are even; when a node comes or goes, half a percent of the keys of others move too.
   * - `ring`: shares differ by a fifth; nobody else's key moves.
   */
  readonly table?: 'maglev' | 'ring' | undefined;
}

/** How many places are tried besides the one of the key; after that all nodes are. */
const JUMPS = 12;

/** Nodes with room whose health is looked at then. */
const LOOKS = 8;

/**
 * Calls with the same key go to the same node, as long as it is there, well, and not busier than `maxLoad` times its share: for caches, and
 * for what a node keeps for a user. A key that cannot go there goes to another node, always the same one if that can take it.
 *
 * The key of a call is its option `hashKey`, or what `key` says.
 *
 * Sources: Maglev (2016); V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads" (2018); jumping to a random
 * place and not to the next one: J. Chen et al., arXiv 1908.08762.
 * @throws TypeError naming a wrong option
 */
export function consistentHash(options: ConsistentHashOptions = {}): PickerFactory {
  const where = 'consistentHash';
  assertKnownOptions(where, options, ['key', 'maxLoad', 'table']);
  const { key, maxLoad = 1.25, table = 'maglev' } = options;
  assertNumber(where, 'maxLoad', maxLoad, { min: 1, max: 100 });
  assertFits(where, 'table', '"maglev" or "ring"', table, table === 'maglev' || table === 'ring');
  const keyOf = readerOf(where, key);
  const makeTable = table === 'maglev' ? maglev : ring;
  return {
    name: where,
    create: (nodes, environment) => new HashPicker(weighted(nodes), environment, keyOf, maxLoad, makeTable),
  };
}

function readerOf(where: string, key: HashKeySource | undefined): (call: Call) => unknown {
  if (key === undefined) return () => undefined;
  if (typeof key === 'function') return key;
  const what = '{ metadata: name }, { argument: number } or a function';
  const { metadata, argument } = key as { readonly metadata?: unknown; readonly argument?: unknown };
  const isMetadata = typeof metadata === 'string' && argument === undefined;
  const isArgument = Number.isInteger(argument) && (argument as number) >= 0 && metadata === undefined;
  assertFits(where, 'key', what, key, isMetadata || isArgument);
  return isMetadata ? (call) => call.metadata?.[metadata] : (call) => call.args[argument as number];
}

class HashPicker<N extends PickerNode> implements Picker<N> {
  readonly #nodes: readonly N[];
  readonly #environment: PickerEnvironment;
  readonly #probes: ProbeFinder<N>;
  readonly #keyOf: (call: Call) => unknown;
  readonly #maxLoad: number;
  readonly #table: HashTable;
  /** What part of all each node is to carry. */
  readonly #shares: Float64Array;

  constructor(
    nodes: readonly N[],
    environment: PickerEnvironment,
    keyOf: (call: Call) => unknown,
    maxLoad: number,
    makeTable: typeof maglev,
  ) {
    this.#nodes = nodes;
    this.#environment = environment;
    this.#probes = new ProbeFinder(nodes, environment);
    this.#keyOf = keyOf;
    this.#maxLoad = maxLoad;
    const weights = weightsOf(nodes);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    this.#shares = Float64Array.from(weights, (weight) => weight / sum);
    this.#table = nodes.length === 0 ? { nodeOf: () => 0 } : makeTable(nodes, weights);
  }

  pick(call: Call, now: number): N | undefined {
    const nodes = this.#nodes;
    if (nodes.length < 2) return nodes[0];
    const environment = this.#environment;
    if (environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    const key = this.#hashOf(call);
    const panic = isPanic(call, nodes.length, environment);
    // Avoided nodes carry nothing, so the others may carry more.
    const avoided = panic ? 0 : environment.avoided(call);
    const factor = (this.#maxLoad * (environment.inFlight + 1) * nodes.length) / Math.max(1, nodes.length - avoided);
    let best = nodes[this.#table.nodeOf(key)]!;
    let bestRank = -1;
    let place = key;
    for (let jump = 0; jump <= JUMPS; jump++) {
      const index = this.#table.nodeOf(place);
      const node = nodes[index]!;
      const rank = this.#rank(call, node, now, panic);
      const hasRoom = node.load.inFlight + 1 <= Math.ceil(factor * this.#shares[index]!);
      if (rank === RANK_BEST && hasRoom) return node;
      const value = 2 * rank + (hasRoom ? 1 : 0);
      if (value > bestRank) {
        best = node;
        bestRank = value;
      }
      place = mix((place + 0x9e3779b9) >>> 0);
    }
    return this.#anyWithRoom(call, now, panic, factor, place % nodes.length) ?? best;
  }

  /** Tries all nodes in turn, because the places of the key were all full. */
  #anyWithRoom(call: Call, now: number, panic: boolean, factor: number, from: number): N | undefined {
    const nodes = this.#nodes;
    let looks = 0;
    for (let step = 0; step < nodes.length && looks < LOOKS; step++) {
      const index = (from + step) % nodes.length;
      const node = nodes[index]!;
      if (node.load.inFlight + 1 > Math.ceil(factor * this.#shares[index]!)) continue;
      if (this.#rank(call, node, now, panic) === RANK_BEST) return node;
      looks++;
    }
    return undefined;
  }

  /** In panic a node that is avoided is as good as any other. */
  #rank(call: Call, node: N, now: number, panic: boolean): number {
    const rank = rankNode(call, node, now);
    return panic && rank === RANK_AVOIDED && node.status(call, now) !== NodeStatus.DOWN ? RANK_BEST : rank;
  }

  #hashOf(call: Call): number {
    const key = call.hashKey ?? this.#keyOf(call);
    if (key === undefined || key === null) return Math.floor(this.#environment.random() * 2 ** 32);
    return hash(typeof key === 'string' ? key : String(key));
  }
}

/** The rank of a node that is avoided and that the call has not tried. */
const RANK_AVOIDED = 2;
