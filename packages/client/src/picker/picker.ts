import type { Call, Clock, Destination, Random } from '@org/rpc-core';
import type { Endpoint } from '@org/rpc-registry';
import type { OutcomeKind } from '../policy/outcome.js';

/**
 * Whether a node should be given this call, best last: pickers compare with `<`.
 *
 * - `DOWN`: no connection, or draining: it cannot take the call at all.
 * - `AVOID`: it could, but a breaker or an ejection says no. Used only when nothing better is left (panic).
 * - `PROBE`: as AVOID, but one trial call is due: it is handed out first, to a call that may be repeated elsewhere.
 * - `SUSPECT`: it works, but has not answered for suspiciously long, or is full.
 * - `OPEN`: nothing speaks against it.
 */
export const NodeStatus = { DOWN: 0, AVOID: 1, PROBE: 2, SUSPECT: 3, OPEN: 4 } as const;
export type NodeStatus = (typeof NodeStatus)[keyof typeof NodeStatus];

/** How busy a server has said that it is. */
export interface ReportedLoad {
  /** Calls of all its clients that it works on or lets wait. */
  readonly inFlight: number;
  /** How long calls wait for their turn there, in milliseconds. */
  readonly queueMs: number;
  /** When it said so, in milliseconds of the client's clock; `-Infinity` when it has not yet. */
  readonly at: number;
}

/** How busy a node is, as seen from this client. Times are milliseconds of its clock. */
export interface NodeLoad {
  /** Calls and streams that were given to the node and have not ended. */
  readonly inFlight: number;
  /**
   * What a call given to this node now would cost, above 0; only comparisons mean something: the lower, the better.
   * @param call - the call: where only its method fails at the node, others cost nothing more. Left out: one of a method that does not
   */
  cost(now: number, call?: Call): number;
  /** The latency that is expected now, in milliseconds. */
  estimateMs(now: number): number;
  /** What its answers take at most, most of them, in milliseconds; NaN while too little is known. */
  readonly usualMaxMs: number;
  /** How many times as long its answers take as those of another node; 1 unless they differ by more than they vary. */
  timesSlower(other: NodeLoad, now: number): number;
  /** The part of its normal share that the node should get, above 0 to 1; 1 except while it warms up. */
  share(now: number): number;
  /** What the server says of itself, where the picker {@link PickerFactory.wantsLoad | wants} it and the server can tell. */
  readonly reported?: ReportedLoad | undefined;
}

/** One endpoint as a picker sees it. */
export interface PickerNode extends Destination {
  readonly endpoint: Endpoint;
  readonly load: NodeLoad;
  /** Breakers are per method, so the answer depends on the call. Cheap while nothing is wrong. */
  status(call: Call, now: number): NodeStatus;
  /**
   * Takes the one probe slot of the node for this call; false when another call has it or no probe is due. After `true` the call
   * must be settled on the node's health in any case, also when it never reached the node: that frees the slot.
   */
  takeProbe(call: Call, now: number): boolean;
  /**
   * Asks the server how busy it is; `onAnswer` is called when `load.reported` is new, or nothing will come any more.
   * @returns whether there is anything to wait for
   */
  askLoad?(onAnswer: () => void): boolean;
}

/**
 * Chooses a node for each attempt. Made anew, from all nodes that are not DOWN, whenever that set changes; immutable apart
 * from its own cursor.
 */
export interface Picker<N extends PickerNode = PickerNode> {
  /**
   * Never waits. `undefined` only when there is no node at all. A node that the call has already tried, see
   * {@link wasTried}, is given only when all others are AVOID or DOWN.
   *
   * @param now - the clock's milliseconds; whoever picks needs them anyway, to start the call
   */
  pick(call: Call, now: number): N | undefined;
  /**
   * For pickers that {@link PickerFactory.wantsLoad | want} load: asks nodes for it before it chooses.
   * @returns `undefined` when there is nothing to ask, and `pick` chooses. The promise is settled within the call's deadline, by which it
   * rejects; `undefined` of it leaves the choice to `pick`, too.
   */
  ask?(call: Call, now: number): Promise<N | undefined> | undefined;
  /** For pickers that {@link PickerFactory.watches | watch}: an attempt that was given to this node, and was no stream, has ended. */
  settled?(node: N, latencyMs: number, kind: OutcomeKind, now: number): void;
}

/** What a picker needs of its balancer: `ServiceHealth` is one. */
export interface PickerEnvironment {
  readonly random: Random;
  readonly clock: Clock;
  /** The option `zone` of the client, to be compared with that of endpoints; `undefined` when it was not given. */
  readonly zone: string | undefined;
  /** Calls and streams in flight to all nodes of the service together, those included that take no more; kept up to date. */
  readonly inFlight: number;
  /** The nodes that may have a probe due for some method, kept up to date; usually empty. */
  readonly probing: ReadonlySet<PickerNode>;
  /** Whether one more trial call may be made: they are 2 % of the calls at most, however many nodes are ill. */
  readonly mayTry: boolean;
  /** A call is picked for while nodes are probing: it earns its share of a trial call. */
  earnTrial(): void;
  /** A trial call is made. */
  spendTrial(): void;
  /**
   * How many of the nodes that are not DOWN are AVOID or PROBE for this call's method; kept up to date, not counted when asked.
   */
  avoided(call: Call): number;
}

/** A load balancing policy as an option value: `p2c()`, `roundRobin()`. */
export interface PickerFactory {
  /** For people: `p2c`. */
  readonly name: string;
  /** Whether servers are to say how busy they are, with each answer: see {@link NodeLoad.reported} (default false). */
  readonly wantsLoad?: boolean | undefined;
  /** Whether its pickers are told how attempts end (default false). */
  readonly watches?: boolean | undefined;
  create<N extends PickerNode>(nodes: readonly N[], environment: PickerEnvironment): Picker<N>;
}

/** Whether another attempt of this call went to this node, or is there now. Several instances may be at one address: each is one of its own. */
export function wasTried(call: Call, node: PickerNode): boolean {
  const { attempts, rivals } = call.root;
  if (rivals?.includes(node)) return true;
  if (attempts === undefined) return false;
  for (let i = 0; i < attempts.length; i++) {
    const { instance, endpoint } = attempts[i]!;
    if (instance === undefined ? endpoint === node.address : instance === node.endpoint.id) return true;
  }
  return false;
}
