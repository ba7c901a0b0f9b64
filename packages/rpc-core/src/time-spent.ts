import type { Trial } from './destination.js';

/**
 * What a call can spend its time on.
 *
 * - `loop`: the event loop of the calling process was busy with something else.
 * - `layers`: the client layers that the user wrote, and what runs between them.
 * - `metadata`: the metadata function of the client.
 * - `limits`: a limit of the client made the call wait.
 * - `registry`: no instance was known.
 * - `connection`: instances were known, but none was connected or had room.
 * - `network`: the way to the instance and back; also an instance whose process stands still, where that looks the same from here.
 * - `process`: the process of the instance stood still: nothing came from it, while others at its host answered.
 * - `queue`: the instance had the call but had not let it in yet: authorization, limits, more important calls.
 * - `handler`: layers and handler of the instance, and the calls that these make unless it is known for which one they have waited.
 * - `downstream`: a call of the handler's own, for which it waited.
 * - `server`: from sending to the end, if the peer cannot say what it did meanwhile: network, queue and handler together.
 * - `retry`: waits between attempts.
 * - `fault`: a fault that was made on purpose.
 */
export type CallPhase =
  | 'loop'
  | 'layers'
  | 'metadata'
  | 'limits'
  | 'registry'
  | 'connection'
  | 'network'
  | 'process'
  | 'queue'
  | 'handler'
  | 'downstream'
  | 'server'
  | 'retry'
  | 'fault';

/** Milliseconds by phase; phases without any are left out. */
export type PhaseTimes = { [phase in CallPhase]?: number };

/** A call that a handler has made for the one that it serves: plain data. The names in it are foreign text. */
export interface DownstreamCall {
  readonly service: string;
  readonly method: string;
  /** The id of the instance that it was last given to; `undefined` where there was none yet, or it has no id but its address. */
  readonly instance?: string | undefined;
}

/** Where the time of a failed call went: plain data. */
export interface TimeSpent {
  /** From the start of the call to its end, or to its deadline if the end was noticed later, in milliseconds. */
  readonly totalMs: number;
  /** The phases of all attempts together, in milliseconds. Concurrent attempts each count. */
  readonly phases: Readonly<PhaseTimes>;
  /** The phase that took most of the time, and so is at fault. */
  readonly culprit: CallPhase;
  /**
   * For how long after the time of the call was over the event loop of this process kept its end from being noticed, in milliseconds: no part of
   * `totalMs`. `undefined` where it was noticed at once.
   */
  readonly noticedLateMs?: number | undefined;
  /** `host:port` of the instance at which the culprit took the most time; `undefined` where it is no matter of an instance. */
  readonly endpoint?: string | undefined;
  /** The id of that instance. */
  readonly instance?: string | undefined;
  /** Of the culprit `downstream`: the call that the handler at that instance has waited for. */
  readonly downstream?: DownstreamCall | undefined;
}

/** What a server has said about a call before its answer. */
export interface CallStanding {
  /** When the server's message came, in the clock's milliseconds. */
  readonly at: number;
  /** How long the server had had the call, in milliseconds. */
  readonly sinceMs: number;
  /** How long the call had waited to be let in, or has waited so far, in milliseconds. */
  readonly waitedMs: number;
  /** Whether the call was let in: its layers and handler run. */
  readonly isRunning: boolean;
  /** Whether the answer follows: then the times are those of the whole call, to a microsecond. */
  readonly isDone?: boolean | undefined;
  /** The call of its own that its handler has waited for the longest, and for how long so far, in milliseconds; `undefined` for none. */
  readonly downstream?: (DownstreamCall & { readonly sinceMs: number }) | undefined;
  /** What it had said before, where its answer follows. */
  readonly before?: CallStanding | undefined;
}

/** Why a server was not asked where a call stands: its protocol cannot say, or the server has not sent anything yet. */
export type Unasked = 'cannot' | 'silent';

/**
 * A record of where a slow call's time goes: made when the call first waits for something, or when half of an attempt's time
 * has passed. A call that is answered soon has none, unless an observer wants to know of all.
 */
export class CallTrail {
  /** What the call itself waited for; `undefined` where that is nothing, as with most. */
  waits: PhaseTimes | undefined = undefined;
  /** When the server of this attempt was asked where the call stands, or why it was not asked; `undefined` if asking was not tried. */
  asked: number | Unasked | undefined = undefined;
  /** What this attempt lacked to find a node. */
  lack: CallPhase | undefined = undefined;
  /** Whether the server is to say with its answer how long it had the call. */
  wantsTimes = false;
  /** Why its node had been left out, if this attempt is the trial of it. */
  trial: Trial | undefined = undefined;
  /** What the server said. */
  standing: CallStanding | undefined = undefined;

  /** Adds a wait of the call. */
  waited(phase: CallPhase, ms: number): void {
    if (!(ms > 0)) return;
    this.waits ??= {};
    this.waits[phase] = (this.waits[phase] ?? 0) + ms;
  }
}
