/** The client's node that an attempt is sent to, as errors name it. */
export interface Destination {
  readonly address: string;
  /** The id of the instance, as registry and console name it; `undefined` when unknown. */
  readonly instance?: string | undefined;
  /** When bytes last came from it, in the clock's milliseconds; `undefined` when unknown. */
  readonly heardAt?: number | undefined;
  /** When bytes last came from another instance at its host; `undefined` where there is none, or that is unknown. Costs a look at all of them. */
  readonly hostHeardAt?: number | undefined;
}

/** Some of the nodes of a service, to which a call is routed. */
export interface NodeSubset {
  /** A key that is the same for the same nodes. */
  readonly key: string;
  /** The name of the route that leads there, for people. */
  readonly name: string;
  /** Whether a call fails when none of these nodes takes calls, even if other nodes do. */
  readonly isStrict: boolean;
  includes(node: Destination): boolean;
}

/** Why the node of an attempt had been left out, of which the attempt was the trial: it shows whether the node is well again. */
export interface Trial {
  /** `ejected`: for all methods. `breaker`: for this one. `denied`: it denied what its peers answer. `failing`: its last calls had failed. */
  readonly fault: 'ejected' | 'breaker' | 'denied' | 'failing';
  /** For how long it had been so when the trial began, in milliseconds. */
  readonly forMs: number;
}

/** A node that was silent at the end of an attempt, see {@link Call.silent}, and when; `Infinity` when the connection was lost. */
export interface SilentNode {
  readonly destination: Destination;
  readonly at: number;
}
