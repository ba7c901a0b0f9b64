import type { ServerTlsOptions } from '@org/rpc-wire';
import type { ServerState } from '../state.js';

/** Marks what workers and their primary say to each other among what a program sends by itself. */
export const MARK = '@org/rpc';

interface Address {
  readonly host: string;
  readonly port: number;
  readonly path?: string | undefined;
}

/** What can be changed of an instance; checked by whoever is told it. */
export interface InstanceChange {
  readonly weight?: number | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly available?: boolean | undefined;
}

/** What all workers are to do. */
export type Order =
  | { readonly what: 'update'; readonly change: InstanceChange }
  | { readonly what: 'health'; readonly service: string; readonly status: 'serving' | 'not-serving' }
  | { readonly what: 'setTls'; readonly change: Partial<ServerTlsOptions> };

/** What a worker says. */
export type ToPrimary =
  /** It wants its share of what comes to an address. `stopMs`: how long it may take to stop. */
  | {
      readonly kind: 'listen';
      readonly id: string;
      readonly host: string;
      readonly port: number;
      readonly path: string | undefined;
      readonly instance: string;
      readonly stopMs: number;
    }
  /** It listens by itself, where nobody else does. */
  | { readonly kind: 'alone'; readonly address: Address; readonly stopMs: number }
  /** It wants no more connections. */
  | { readonly kind: 'unlisten'; readonly id: string }
  /** A server of it is in the registry. */
  | { readonly kind: 'registered' }
  /** Its server follows orders from now on; those given before are to be told it. */
  | { readonly kind: 'obeys' }
  /** An order was followed, or could not be. */
  | { readonly kind: 'followed'; readonly order: number; readonly error: string | undefined }
  /** How a server of it does, about once a second. */
  | { readonly kind: 'state'; readonly state: ServerState };

/** What is said to a worker. */
export type ToWorker =
  | {
      readonly kind: 'listening';
      readonly id: string;
      readonly address: Address;
    }
  | { readonly kind: 'failed'; readonly id: string; readonly message: string; readonly code: string | undefined }
  /** Comes with a socket. `bytes` have been read of it. */
  | { readonly kind: 'connection'; readonly id: string; readonly bytes: Uint8Array }
  | { readonly kind: 'order'; readonly number: number; readonly order: Order }
  | {
      readonly kind: 'stop';
      readonly drainMs: number | undefined;
      readonly graceMs: number | undefined;
      readonly reason: string;
    };

/** What a message of a process says, if it is one of these. */
export function unmarked<M extends ToPrimary | ToWorker>(message: unknown): M | undefined {
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, MARK)) return undefined;
  return (message as Record<string, M>)[MARK];
}
