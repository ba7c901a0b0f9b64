import type { Code, RegistryEvent, RpcError } from '@org/rpc-core';

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
  breakerOpened: [event: { endpoint: string; service: string; method: string; openForMs: number }];
  breakerClosed: [event: { endpoint: string; service: string; method: string }];
  /** An attempt failed and another one follows after `delayMs`. */
  retried: [event: { service: string; method: string; attempt: number; endpoint: string; code: Code; delayMs: number }];
  /** A call was refused here, by a rate or concurrency limit. */
  limited: [event: { service: string; method: string; error: RpcError }];
  /** What the registry says of a service has changed, or how far it vouches for it: for metrics and alarms. */
  viewChanged: [event: ViewEvent];
  /** Something about the registry: unreachable, recovered, an invalid entry. */
  registry: [event: RegistryEvent];
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
