/** What an attempt is sent to, as errors name it: the client's node. */
export interface Destination {
  readonly address: string;
  /** When it last said anything, in the clock's milliseconds; `undefined` where nobody knows. */
  readonly heardAt?: number | undefined;
}

/** Some of the nodes of a service, to which a call is led. */
export interface NodeSubset {
  /** The same for the same nodes. */
  readonly key: string;
  /** The route that leads there, for people. */
  readonly name: string;
  /** Whether a call fails when none of them takes calls, where others would. */
  readonly isStrict: boolean;
  includes(node: Destination): boolean;
}

/** A node that said nothing more, see {@link Call.silent}, and when that was; `Infinity` when the connection was lost. */
export interface SilentNode {
  readonly destination: Destination;
  readonly at: number;
}
