import type { Call } from '@org/rpc-core';
import { assertFits, assertKnownOptions, assertNumber, assertObject } from '@org/rpc-core/internal';
import type { OutcomeKind } from '../policy/outcome.js';
import { p2c } from './p2c.js';
import {
  NodeStatus,
  type Picker,
  type PickerEnvironment,
  type PickerFactory,
  type PickerNode,
  wasTried,
} from './picker.js';
import { ProbeFinder } from './probe-finder.js';
import { Alias } from './random.js';
import { Spill } from './spill.js';
import { weightsOf } from './weights.js';

/** Options of {@link localFirst}. */
export interface LocalFirstOptions {
  /** Where this client is (default: its option `zone`). Without it, all nodes are alike. */
  readonly zone?: string | undefined;
  /**
   * How many clients there are in each zone, or any numbers in their proportion, for nodes and clients that are all alike: what near nodes get
   * is then their part of what the clients of the zone ask for, and the rest goes where nodes are left over. Left out, calls go
   * elsewhere as far as near nodes have become slower than others.
   */
  readonly clients?: Readonly<Record<string, number>> | undefined;
  /** When no near node is well: `any` takes others (default), with `none` only near ones are ever taken. */
  readonly otherwise?: 'any' | 'none' | undefined;
  /** What chooses among the near nodes, and among all (default `p2c()`). */
  readonly among?: PickerFactory | undefined;
}

/**
 * Nodes of the client's own zone first, others for what these cannot carry.
 *
 * Source of the shares by `clients`: Envoy, zone aware routing.
 * @throws TypeError naming a wrong option
 */
export function localFirst(options: LocalFirstOptions = {}): PickerFactory {
  const { zone, clients, otherwise, among } = checked(options);
  // A picker is made anew with each list of nodes; what was learned of the zones stays.
  const spills = new WeakMap<PickerEnvironment, Spill>();
  return {
    name: 'localFirst',
    wantsLoad: among.wantsLoad,
    watches: otherwise === 'any' && clients === undefined,
    create(nodes, environment) {
      const own = zone ?? environment.zone;
      const near = nodes.filter(({ endpoint }) => endpoint.zone === own);
      const isNone = otherwise === 'none';
      if (own === undefined || near.length === nodes.length || (near.length === 0 && !isNone))
        return among.create(nodes, environment);
      if (isNone) return among.create(near, new PartOfService(near, environment, true));
      if (clients !== undefined) {
        const away = byResidual(nodes, { among, environment, own, clients });
        return new LocalFirstPicker({ nodes, near, among, environment, away, spill: undefined });
      }
      let spill = spills.get(environment);
      if (spill === undefined) {
        spill = new Spill(environment.clock.now());
        spills.set(environment, spill);
      }
      return new LocalFirstPicker({ nodes, near, among, environment, away: undefined, spill });
    },
  };
}

function checked(options: LocalFirstOptions) {
  const where = 'localFirst';
  assertKnownOptions(where, options, ['zone', 'clients', 'otherwise', 'among']);
  const { zone, clients, otherwise = 'any', among = p2c() } = options;
  assertFits(where, 'zone', 'a text', zone, zone === undefined || typeof zone === 'string');
  assertFits(where, 'otherwise', '"any" or "none"', otherwise, otherwise === 'any' || otherwise === 'none');
  if (clients !== undefined) {
    assertObject(where, 'clients', clients);
    for (const [name, count] of Object.entries(clients)) assertNumber(where, `clients.${name}`, count, { min: 0 });
  }
  return { zone, clients, otherwise, among };
}

interface LocalFirstParts<N extends PickerNode> {
  readonly nodes: readonly N[];
  readonly near: readonly N[];
  readonly among: PickerFactory;
  readonly environment: PickerEnvironment;
  /** What chooses for a call that is to leave its zone, drawn anew for each; `undefined`: as `spill` says. */
  readonly away: (() => Picker<N> | undefined) | undefined;
  readonly spill: Spill | undefined;
}

class LocalFirstPicker<N extends PickerNode> implements Picker<N> {
  readonly #environment: PickerEnvironment;
  readonly #nearNodes: ReadonlySet<N>;
  readonly #near: Picker<N>;
  readonly #all: Picker<N>;
  readonly #probes: ProbeFinder<N>;
  readonly #away: () => Picker<N> | undefined;
  readonly #spill: Spill | undefined;

  constructor({ nodes, near, among, environment, away, spill }: LocalFirstParts<N>) {
    const { random } = environment;
    this.#environment = environment;
    this.#nearNodes = new Set(near);
    this.#near = among.create(near, new PartOfService(near, environment, false));
    this.#all = among.create(nodes, new PartOfService(nodes, environment, false));
    this.#probes = new ProbeFinder(nodes, environment);
    this.#spill = spill;
    const others = nodes.filter((node) => !this.#nearNodes.has(node));
    const far = among.create(others, new PartOfService(others, environment, false));
    const farPart = weightOf(others) / weightOf(nodes);
    this.#away = away ?? (() => (random() < spill!.share * farPart ? far : undefined));
  }

  ask(call: Call, now: number): Promise<N | undefined> | undefined {
    const environment = this.#environment;
    const isProbing = environment.probing.size > 0;
    if (isProbing && environment.mayTry) return undefined;
    const asked = (this.#away() ?? this.#near).ask?.(call, now);
    if (isProbing && asked !== undefined && call.attempt === 0) environment.earnTrial();
    return asked;
  }

  pick(call: Call, now: number): N | undefined {
    if (this.#environment.probing.size > 0) {
      const probed = this.#probes.take(call, now);
      if (probed !== undefined) return probed;
    }
    const node = (this.#away() ?? this.#near).pick(call, now);
    if (node !== undefined && isGood(call, node, now)) return node;
    const other = this.#all.pick(call, now);
    return other !== undefined && (node === undefined || isGood(call, other, now)) ? other : node;
  }

  settled(node: N, latencyMs: number, kind: OutcomeKind, now: number): void {
    this.#spill?.settled(this.#nearNodes.has(node), latencyMs, kind, now);
  }
}

function weightOf(nodes: readonly PickerNode[]): number {
  return weightsOf(nodes).reduce((sum, weight) => sum + weight, 0);
}

/** Whether there is no reason to look elsewhere. */
function isGood(call: Call, node: PickerNode, now: number): boolean {
  return node.status(call, now) === NodeStatus.OPEN && !wasTried(call, node);
}

interface Residual {
  readonly among: PickerFactory;
  readonly environment: PickerEnvironment;
  readonly own: string;
  readonly clients: Readonly<Record<string, number>>;
}

/** Which part of the calls leaves the zone, and where they go: to zones that have more of the nodes than of the clients. */
function byResidual<N extends PickerNode>(
  nodes: readonly N[],
  { among, environment, own, clients }: Residual,
): () => Picker<N> | undefined {
  const { random } = environment;
  const zones = new Map<string, N[]>();
  for (const node of nodes) {
    const zone = node.endpoint.zone ?? '';
    const members = zones.get(zone);
    if (members === undefined) zones.set(zone, [node]);
    else members.push(node);
  }
  const total = Object.values(clients).reduce((sum, count) => sum + count, 0);
  const asked = (zone: string): number => (total === 0 ? 0 : (clients[zone] ?? 0) / total);
  const served = (zone: string): number => zones.get(zone)!.length / nodes.length;
  const stay = asked(own) === 0 ? 1 : Math.min(1, served(own) / asked(own));
  const others = [...zones.keys()].filter((zone) => served(zone) > asked(zone) && zone !== own);
  if (stay === 1 || others.length === 0) return () => undefined;
  const pickers = others.map((zone) =>
    among.create(zones.get(zone)!, new PartOfService(zones.get(zone)!, environment, false)),
  );
  const alias = new Alias(others.map((zone) => served(zone) - asked(zone)));
  return () => (random() < stay ? undefined : pickers[alias.draw(random())]);
}

/** How many nodes of a part are looked at to find out how many of them are avoided. */
const SAMPLE = 16;

const NOBODY: ReadonlySet<PickerNode> = new Set();

/** What a picker among a part of the nodes sees of their service. */
class PartOfService implements PickerEnvironment {
  readonly #nodes: readonly PickerNode[];
  readonly #environment: PickerEnvironment;
  readonly #probes: boolean;

  /** @param probes - whether it is to hand out trial calls; otherwise somebody else does */
  constructor(nodes: readonly PickerNode[], environment: PickerEnvironment, probes: boolean) {
    this.#nodes = nodes;
    this.#environment = environment;
    this.#probes = probes;
  }

  get random(): PickerEnvironment['random'] {
    return this.#environment.random;
  }

  get clock(): PickerEnvironment['clock'] {
    return this.#environment.clock;
  }

  get zone(): string | undefined {
    return this.#environment.zone;
  }

  get inFlight(): number {
    return this.#environment.inFlight;
  }

  get probing(): ReadonlySet<PickerNode> {
    return this.#probes ? this.#environment.probing : NOBODY;
  }

  get mayTry(): boolean {
    return this.#environment.mayTry;
  }

  earnTrial(): void {
    this.#environment.earnTrial();
  }

  spendTrial(): void {
    this.#environment.spendTrial();
  }

  /** Those of the part alone: it is not ill because others are. Of many nodes a sample tells. */
  avoided(call: Call): number {
    if (this.#environment.avoided(call) === 0) return 0;
    const nodes = this.#nodes;
    const { length } = nodes;
    const now = this.clock.now();
    const sample = Math.min(SAMPLE, length);
    let index = length > SAMPLE ? Math.floor(this.random() * length) : 0;
    let avoided = 0;
    for (let looked = 0; looked < sample; looked++) {
      const status = nodes[index]!.status(call, now);
      if (status === NodeStatus.AVOID || status === NodeStatus.PROBE) avoided++;
      index = index + 1 === length ? 0 : index + 1;
    }
    return (avoided * length) / sample;
  }
}
