import {
  type CallTrouble,
  type ClientUse,
  type Code,
  defineService,
  type MethodKind,
  method,
  type NodeOpinion,
} from '@org/rpc-core';
import type { ServerState } from '../state.js';

/** What one caller has made of one method, counted since {@link OperatorReport.countingSince}. */
export interface CallCounts {
  readonly service: string;
  readonly method: string;
  readonly kind: MethodKind;
  /** The name that the caller gives itself, else the host of its address; `(others)` for all beyond the first 200. */
  readonly caller: string;
  /** The address of its last call. */
  readonly address: string;
  /** Calls that have ended, those included that have failed. */
  readonly calls: number;
  /** How many of them failed, by code. */
  readonly errors: Readonly<Partial<Record<Code, number>>>;
  /** How many were refused before their handler began, by what refused them: a limit or a rule, in words. At most 20, and `(others)`. */
  readonly refusals: Readonly<Record<string, number>>;
  /**
   * How long they took here, waits included: pairs of a bucket and how many calls lie in it. Bucket `n` begins at 0.001 * 1.02^n ms; it ends
   * where the next one begins.
   */
  readonly latency: readonly number[];
}

/** What a server tells operators of itself. */
export interface OperatorReport {
  /** Of this shape. Fields may be added within a version. */
  readonly version: 1;
  /** This call is not among those that run. */
  readonly server: ServerState;
  /**
   * When counting began, in milliseconds since 1970: the first time that it was asked for. It ends when nobody has asked for a minute; the
   * next one who asks begins anew, so that counts of another beginning must not be compared.
   */
  readonly countingSince: number;
  readonly calls: readonly CallCounts[];
  /** How late the event loop was at worst in the last second, in milliseconds: for how long everything else of the process had to wait. */
  readonly loopLagMs: number;
  /** The worst of the last minute, in milliseconds. Servers of older versions do not tell it. */
  readonly loopLagWorstMs?: number;
  /** What the clients of this process have against the instances that they call, at most 500: whom they leave alone, and why. */
  readonly opinions: readonly NodeOpinion[];
  /** What went wrong with the calls of the clients of this process, at most 1,000 different things. */
  readonly troubles: readonly CallTrouble[];
  /** Which services the clients of this process have open, at most 500. Servers of older versions do not tell. */
  readonly clients?: readonly ClientUse[];
  /** Whether it describes its services by `rpc.reflection`. Servers of older versions do not tell. */
  readonly reflection?: boolean;
  /** Which process this is, by its host and number: its other servers tell the same of its clients. */
  readonly process: string;
}

/**
 * The contract of `rpc.operator`, by which tools such as `rpc top`, `rpc drain` and the console look at one server and stop it. It is served
 * where the option `operator` of the server is on, and refuses with `PERMISSION_DENIED` whoever may not. It is not in the registry, so it
 * is called by address.
 *
 * - `report`: what the server knows of itself and of its calls. Calls are counted from the first time on that somebody asks.
 * - `drain`: begins the stop, as a signal does, but for ending the process.
 */
export const Operator = defineService('rpc.operator', {
  report: method<() => OperatorReport>({ idempotent: true }),
  drain: method<() => void>({ idempotent: true }),
});
