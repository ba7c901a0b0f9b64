import type { Code } from '@org/rpc';

/** What a handler is to do with a call; it goes along as an argument. */
export interface Task {
  /** Of the call, for the record. */
  readonly id: number;
  readonly workMs: number;
  /** Bytes that come back. */
  readonly bytes: number;
  /** Left out: it succeeds. */
  readonly code?: Code;
}

/** The items of a stream. */
export interface Flow extends Task {
  readonly items: number;
  /** Between two items of who sends, and between two of who reads, in milliseconds. */
  readonly sendMs: number;
  readonly readMs: number;
  /** The reader leaves after so many. */
  readonly leavesAfter?: number;
}

/** What a caller says of its call. */
export interface Said {
  readonly timeoutMs?: number;
  readonly attemptTimeoutMs?: number;
  readonly waitForReady?: boolean;
  readonly cancelAfterMs?: number;
  readonly retry?: false | { readonly max: number };
  readonly hedge?: false | { readonly delayMs: number; readonly max: number };
  readonly throttle?: false;
  readonly fault?: false;
  readonly retryLater?: boolean;
}

/** One kind of call. */
export type CallKind = 'repeatable' | 'once' | 'note' | 'count' | 'gather' | 'chat' | 'broadcast';

interface At {
  readonly atMs: number;
}

interface OnHost extends At {
  readonly host: number;
  readonly forMs: number;
}

/** Something that happens in a run. All of it is data, so that a part of it can be run again. */
export type Step =
  | (At & {
      readonly kind: 'call';
      readonly client: number;
      readonly call: CallKind;
      readonly flow: Flow;
      readonly said: Said;
    })
  | (OnHost & { readonly kind: 'kill' | 'vanish' | 'freeze' | 'drain' })
  | (OnHost & { readonly kind: 'slow'; readonly times: number })
  | (OnHost & { readonly kind: 'failing'; readonly code: Code; readonly share: number })
  | (OnHost & { readonly kind: 'partition'; readonly client: number; readonly to: 'client' | 'server' | 'both' })
  | (At & { readonly kind: 'stall'; readonly client: number; readonly forMs: number })
  | (At & { readonly kind: 'reset'; readonly host: number })
  | (At & { readonly kind: 'cut'; readonly host: number; readonly to: 'client' | 'server'; readonly bytes: number })
  | (At & { readonly kind: 'registry'; readonly client: number; readonly what: RegistryFault; readonly forMs: number })
  | (At & { readonly kind: 'rules'; readonly document: object | string });

/** Lost: it is not reached. Late: it tells what it knows only after the time. The others are wrong lists. */
export type RegistryFault = 'lost' | 'late' | 'empty' | 'half' | 'ghost';

/** What stands before a run begins. */
export interface Settings {
  readonly seed: number;
  readonly hosts: number;
  readonly clients: readonly ClientSettings[];
  readonly serverOptions: ServerSettings;
  readonly lagMs: readonly [least: number, most: number];
  readonly cutsPieces: boolean;
}

/** A server's own bounds. */
export interface ServerSettings {
  readonly concurrency?: { readonly max: number; readonly queue: number };
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number };
  readonly connectionAge?: { readonly maxMs: number; readonly graceMs: number };
}

/** Options of a client that are data. */
export interface ClientSettings {
  readonly balancer: 'p2c' | 'roundRobin' | 'leastActive' | 'random' | 'consistentHash';
  readonly options: ClientValues;
}

/** Those of `createClient`. */
export interface ClientValues {
  readonly timeoutMs?: number;
  readonly retry?: false | { readonly max: number };
  readonly hedge?: { readonly delayMs: number; readonly max: number };
  readonly mirror?: { readonly percent: number };
  readonly concurrency?: { readonly max: number; readonly queue: number };
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number };
  readonly breaker?: false | { readonly minCalls: number };
  readonly ejection?: false;
  readonly throttle?: false;
  readonly retryLater?: true;
  readonly keepalive?: { readonly idleMs: number; readonly suspectMs: number; readonly timeoutMs: number };
  readonly limits?: { readonly callsInFlight?: number; readonly writeQueueBytes?: number };
}

/** What may be on its way for each stream: the least that can be set, so that streams here use it up. */
export const CREDIT_BYTES = 64 * 1024;

/** A whole run. */
export interface Script {
  readonly settings: Settings;
  readonly steps: readonly Step[];
}

/** How long faults and calls begin, in virtual milliseconds. */
export const CHAOS_MS = 12_000;
