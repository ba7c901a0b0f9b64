import type { Metadata, Peer } from '@org/rpc-core';
import type { RegistryEvent } from '@org/rpc-registry';
import type { AuthenticationEvent } from '../life/authentication.js';
import type { OneWayDroppedEvent } from '../policy/dropped-calls.js';
import type { OutlivedEvent } from '../policy/outlived-calls.js';
import type { ServerRulesEvent } from '../rules/served-rules.js';
import type { ContractEvent } from '../served-contracts.js';
import type { WorkerEvent } from '../workers/worker-event.js';

/** The events of a server, for observers only: nothing in the library depends on who listens. */
export interface ServerEvents {
  /**
   * A handler threw something that its caller must not see, or anything in a one-way call; `correlationId` is what the caller
   * got instead. `metadata` and `peer` are those of the call: who asked, and under which id of theirs. `err` is the same as `error`, under the name by which pino prints stacks. Where nobody listens it is printed.
   */
  handlerError: [
    event: {
      service: string;
      method: string;
      error: unknown;
      err: unknown;
      correlationId: string;
      metadata: Metadata;
      peer: Peer;
    },
  ];
  /**
   * A handler still runs a minute after its caller has gone, or the deadline of the call has passed: it looks at no signal. It does not count
   * against `concurrency` any more, and `close` does not wait for it. Where nobody listens, a line on stderr says it once for each method.
   */
  handlerOutlived: [event: OutlivedEvent];
  /**
   * One-way calls were not begun: late, not allowed, or beyond a limit. Their callers hear nothing of it, for a one-way call has no answer. At
   * most once a second for each method and code.
   */
  oneWayDropped: [event: OneWayDroppedEvent];
  /** The instance is in the registry. */
  registered: [event: { instance: string; services: readonly string[] }];
  /**
   * Something about the registry: unreachable, recovered, an entry lost or in conflict. Where nobody listens, a line on stderr says
   * that the server cannot be registered, or is not the only one of its name, and another one that this is over.
   */
  registry: [event: RegistryEvent];
  /**
   * The contract of a service is another one for a client than here, or a call has fewer arguments than its handler declares: see
   * docs/deploying.md. Each difference once; where nobody listens, a line on stderr says it.
   */
  contractDiffers: [event: ContractEvent];
  /**
   * Somebody was not let in by `authenticate`, or it failed. Where nobody listens, a failure is a line on stderr, one a minute.
   */
  authenticationFailed: [event: AuthenticationEvent];
  connectionOpened: [event: { peer: string }];
  connectionClosed: [event: { peer: string; reason: string }];
  /** Accepting failed: too many connections or open files. It goes on. */
  acceptError: [event: { error: Error }];
  /**
   * Rules of a service that is served here: some are in force, a document was refused (the last good one stays), or a dark one would have
   * refused calls. Where nobody listens, a refusal is a line on stderr.
   */
  rules: [event: ServerRulesEvent];
  /** What becomes of the workers, for `listen({ workers })`. Where nobody listens, a line on stderr says what people have to know. */
  worker: [event: WorkerEvent];
  /** No new calls are taken any more. */
  draining: [event: { reason: string }];
  /** Nothing runs any more, and every connection is closed. */
  closed: [];
}

/** The names of all events, for who writes one that is none. */
export const SERVER_EVENTS = Object.keys({
  handlerError: true,
  handlerOutlived: true,
  oneWayDropped: true,
  registered: true,
  registry: true,
  contractDiffers: true,
  authenticationFailed: true,
  connectionOpened: true,
  connectionClosed: true,
  acceptError: true,
  rules: true,
  worker: true,
  draining: true,
  closed: true,
} satisfies Record<keyof ServerEvents, true>);
