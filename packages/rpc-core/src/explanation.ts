/** Why a node is not given a call, or goes behind others. */
export type NodeFault =
  | 'down'
  | 'draining'
  | 'unavailable'
  | 'breaker'
  | 'denied'
  | 'ejected'
  | 'failing'
  | 'busy'
  | 'weight'
  | 'zone'
  | 'route'
  | 'tried';

/** One instance, and what a call would find there. */
export interface ExplainedNode {
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
  /**
   * `open`: it takes the call. `trial`: this call would be the trial that shows whether it is well again. `behind`: only where nothing better
   * is left. `out`: it cannot take the call.
   */
  readonly standing: 'open' | 'trial' | 'behind' | 'out';
  /** What speaks against it, the weightiest first; none for a node that is well. */
  readonly because: readonly { readonly fault: NodeFault; readonly text: string }[];
  readonly weight: number;
  readonly zone: string | undefined;
  readonly inFlight: number;
  /** The latency that is expected of it, in milliseconds. */
  readonly latencyMs: number;
}

/** Which instances there are for a call, which are left out and why, and how one is chosen: plain data. */
export interface Explanation {
  readonly schema: 1;
  readonly service: string;
  readonly method: string;
  /** The attempt that is explained: 0 for the first, and for a call that is not made. */
  readonly attempt: number;
  /** Whether the registry has answered, and vouches for the list. */
  readonly known: boolean;
  readonly fresh: boolean;
  /** What chooses among the nodes that are open: `p2c`. */
  readonly picker: string;
  /** The route of the rules that leads the call; `undefined` for any instance. */
  readonly route: string | undefined;
  /** Why rules refuse every call of the method; `undefined` when they do not. */
  readonly refused: string | undefined;
  readonly nodes: readonly ExplainedNode[];
  /** Instances that `nodes` has left out because there are too many: those of which nothing is to be said go first. */
  readonly omitted: number;
  /** Instances outside the part that the client uses by its option `subset`: it knows nothing of them. */
  readonly unused: number;
  /** The endpoint that the attempt was given to; `undefined` when it found none, and for a call that is not made. */
  readonly taken: string | undefined;
  /** The id of the instance there. */
  readonly takenInstance: string | undefined;
  /** Why this one, in words for people. */
  readonly takenBecause: string | undefined;
  /** The same in a sentence. */
  readonly text: string;
}
