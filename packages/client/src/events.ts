import type { Code, ContractDifference, RpcError, RuleMode, RulePolicy } from '@org/rpc-core';
import type { RegistryEvent, WouldApplyEvent } from '@org/rpc-registry';

/** What a client tells those who watch it. Observers only: nothing in the library depends on who listens. */
export interface ClientEvents {
  /** An instance was listed by the registry. */
  endpointAdded: [event: EndpointEvent];
  /** An instance is forgotten: it left, or neither the registry nor the instance itself answers for it. */
  endpointRemoved: [event: EndpointEvent];
  /** An instance is connected and takes calls. */
  endpointUp: [event: EndpointEvent];
  /** An instance takes no calls: `reason` says why, in words for people. */
  endpointDown: [event: EndpointEvent & { readonly reason: string }];
  /** Calls of this method avoid this endpoint, until a trial call after `openForMs` succeeds. */
  breakerOpened: [event: InstanceOfEvent & { service: string; method: string; openForMs: number }];
  breakerClosed: [event: InstanceOfEvent & { service: string; method: string }];
  /** Calls of all methods avoid this endpoint, which fails; until a trial call after `forMs` succeeds. */
  ejected: [event: InstanceOfEvent & { service: string; forMs: number }];
  /** It is given calls again. */
  readmitted: [event: InstanceOfEvent & { service: string }];
  /** An attempt failed and another one follows after `delayMs`; also the opening of a stream, which moves to another instance at once. */
  retried: [event: InstanceOfEvent & { service: string; method: string; attempt: number; code: Code; delayMs: number }];
  /** A call had no answer after `delayMs`, and another attempt was sent beside the one at `endpoint`. */
  hedged: [event: InstanceOfEvent & { service: string; method: string; delayMs: number }];
  /** A call that has failed was answered with its fallback. */
  fellBack: [event: { service: string; method: string; error: RpcError }];
  /** A one-way call that was kept has been sent, `afterMs` after it was kept; only with `retryLater`. */
  retriedLater: [event: InstanceOfEvent & { service: string; method: string; afterMs: number }];
  /** One-way calls that were kept are given up; only with `retryLater`. */
  dropped: [event: DroppedEvent];
  /** A call was made a second time elsewhere, and both have ended; only with `mirror: { compare: true }`. */
  mirrored: [event: MirrorEvent];
  /** A call was refused here, by a rate or concurrency limit. */
  limited: [event: { service: string; method: string; error: RpcError }];
  /** What the registry says of a service has changed, or how far it vouches for it: for metrics and alarms. */
  viewChanged: [event: ViewEvent];
  /** Something about the registry, or what it leads to: unreachable, recovered, an invalid entry, a token that goes over the network in plaintext. */
  registry: [event: RegistryEvent];
  /**
   * The contract of a service is another one for this client than for a server, or a call has fewer arguments than the handler declares:
   * see docs/deploying.md. Each difference once; where nobody listens, a line on stderr says it.
   */
  contractDiffers: [event: EndpointEvent & { readonly differences: readonly ContractDifference[] }];
  /** Other rules are in force from now on. */
  rulesApplied: [event: RulesAppliedEvent];
  /** A document of rules can't be used, and changes nothing. */
  rulesRejected: [event: RulesRejectedEvent];
  /** Rules that are dark would have changed calls; at most once a second for each policy of a service. */
  ruleWouldApply: [event: WouldApplyEvent];
}

/** Which instance an event is about. */
export interface InstanceOfEvent {
  /** `host:port`; `''` when none was chosen. */
  readonly endpoint: string;
  /** The instance's id, as `rpc ls` and the console show it; `undefined` when none was chosen. */
  readonly instance: string | undefined;
}

/** The names of all events, for who writes one that is none. */
export const CLIENT_EVENTS = Object.keys({
  endpointAdded: true,
  endpointRemoved: true,
  endpointUp: true,
  endpointDown: true,
  breakerOpened: true,
  breakerClosed: true,
  ejected: true,
  readmitted: true,
  retried: true,
  hedged: true,
  fellBack: true,
  retriedLater: true,
  dropped: true,
  mirrored: true,
  limited: true,
  viewChanged: true,
  registry: true,
  contractDiffers: true,
  rulesApplied: true,
  rulesRejected: true,
  ruleWouldApply: true,
} satisfies Record<keyof ClientEvents, true>);

/** Which rules are in force, and what they are for this client. */
export interface RulesAppliedEvent {
  readonly service: string;
  /** The client's name. */
  readonly instance: string;
  /** `undefined` when the document was deleted: there are no rules any more. */
  readonly version: number | undefined;
  readonly policies: Readonly<Record<RulePolicy, RuleMode>>;
}

/** Why rules were refused, and which ones hold instead. */
export interface RulesRejectedEvent {
  readonly service: string;
  /** The client's name. */
  readonly instance: string;
  /** `undefined` when it can't be made out. */
  readonly version: number | undefined;
  /** What is wrong, and where in the document. */
  readonly reason: string;
  /** The version that stays in force; `undefined` for none. */
  readonly inForce: number | undefined;
}

/** What a client is told of a service by its registry. */
export interface ViewEvent {
  readonly service: string;
  /** Whether the registry vouches for the list. */
  readonly fresh: boolean;
  /** Whether the list is from an earlier run, because the registry has not answered yet. */
  readonly remembered: boolean;
  /** How many endpoints it lists. */
  readonly listed: number;
  /** How many endpoints the client knows, those included that are kept because they answer. */
  readonly known: number;
}

/** Which endpoint an event is about. */
export interface EndpointEvent {
  readonly service: string;
  /** The instance's id. */
  readonly instance: string;
  /** `host:port`. */
  readonly endpoint: string;
}

/** Kept one-way calls that will not be sent any more, or of which nobody knows whether they were. */
export interface DroppedEvent {
  readonly service: string;
  readonly method: string;
  readonly count: number;
  /**
   * `expired`: kept for as long as they may be. `failed`: the attempt ended with `error`, after which it must not be sent again.
   * `closed`: the client was closed.
   */
  readonly reason: 'expired' | 'failed' | 'closed';
  readonly error: RpcError | undefined;
}

/** How a call and its mirror went; for those who watch. */
export interface MirrorEvent {
  readonly service: string;
  readonly method: string;
  /** Where the mirror went. */
  readonly endpoint: string;
  /** The id of the instance there. */
  readonly instance: string | undefined;
  /** Whether both gave the same. */
  readonly isSame: boolean;
  /** Where their answers differ: up to ten paths, such as `items.0.price`; `''` for the whole. */
  readonly differences: readonly string[];
  /** What the call failed with; `undefined` when it was answered. */
  readonly code: Code | undefined;
  readonly mirrorCode: Code | undefined;
  readonly durationMs: number;
  readonly mirrorMs: number;
}
