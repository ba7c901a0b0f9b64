/**
 * What the time of a call can go to.
 *
 * - `loop`: the event loop of the calling process was busy with something else.
 * - `layers`: the layers of the client that its user wrote, and what stands between them.
 * - `metadata`: the metadata function of the client.
 * - `limits`: a limit of the client, which let the call wait.
 * - `registry`: no instance was known.
 * - `connection`: instances were known, and none was connected or had room.
 * - `network`: the way to the instance and back; also an instance whose process stands still, which looks the same from here.
 * - `queue`: the instance had the call, and had not let it in yet: authorization, limits, more important calls.
 * - `handler`: layers and handler of the instance.
 * - `server`: from sending to the end, where the peer cannot say what it did meanwhile: network, queue and handler together.
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
  | 'queue'
  | 'handler'
  | 'server'
  | 'retry'
  | 'fault';

/** Milliseconds by what they went to; what took nothing is left out. */
export type PhaseTimes = { [phase in CallPhase]?: number };

/** Where the time of a call has gone that failed: plain data. */
export interface TimeSpent {
  /** From the call to its end, or to its deadline when the end was noticed later, in milliseconds. */
  readonly totalMs: number;
  /** All attempts together, in milliseconds. Attempts beside each other are counted each. */
  readonly phases: Readonly<PhaseTimes>;
  /** What has taken most of it, and so is at fault. */
  readonly culprit: CallPhase;
}

/** What a server has said of a call that it had not answered yet. */
export interface CallStanding {
  /** When that came, in the clock's milliseconds. */
  readonly at: number;
  /** For how long the server had had the call, in milliseconds. */
  readonly sinceMs: number;
  /** For how long it had waited until it was let in, or waits, in milliseconds. */
  readonly waitedMs: number;
  /** Whether it was let in: its layers and handler run. */
  readonly isRunning: boolean;
}

/** Why a server was not asked where a call stands: its protocol cannot say, or it has not said a word yet. */
export type Unasked = 'cannot' | 'silent';

/**
 * What is noted of a call while it does not go well: made when it first waits for something, or when half of the time of an
 * attempt has passed. A call that is answered soon has none.
 */
export class CallTrail {
  /** What it waited for, of the call itself. */
  readonly waits: PhaseTimes = {};
  /** When the server of this attempt was asked where the call stands; why it was not; `undefined` when that was not tried. */
  asked: number | Unasked | undefined = undefined;
  /** What this attempt lacked to find a node. */
  lack: CallPhase | undefined = undefined;
  /** What the server said. */
  standing: CallStanding | undefined = undefined;

  /** Adds to what it has waited for. */
  waited(phase: CallPhase, ms: number): void {
    if (ms > 0) this.waits[phase] = (this.waits[phase] ?? 0) + ms;
  }
}
