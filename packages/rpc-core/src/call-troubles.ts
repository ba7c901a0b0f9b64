import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Code } from './code.js';
import type { CallPhase, DownstreamCall } from './time-spent.js';

/**
 * How often something went wrong with calls of a client, or limits and rules had an effect on them, since the client was made. Other calls that
 * went well are not here: those are counted by servers.
 */
export interface CallTrouble {
  /** The name of the client. */
  readonly client: string;
  readonly service: string;
  readonly method: string;
  /**
   * `failed`: for good. `retried`: an attempt failed, and another one followed. `hedged`: another attempt was sent beside a slow one. `waited`,
   * `limited`: a limit of the client has let it wait, or refused it, in which case it is among those that failed as well. `would`: a dark rule
   * would have changed it; since the rules were set.
   */
  readonly what: 'failed' | 'retried' | 'hedged' | 'waited' | 'limited' | 'would';
  /** `host:port` of the instance that it was about; `''` for none. */
  readonly endpoint: string;
  /** How the call, or the attempt, has failed; `undefined` where it has not. */
  readonly code: Code | undefined;
  /** What took the time of a call that was late or could not be made; `undefined` where that is not the question: its handler said so. */
  readonly culprit: CallPhase | undefined;
  /** Of the culprit `downstream`: the call that the handler waited for. */
  readonly downstream?: DownstreamCall | undefined;
  /** In words, what refused a call before it was sent: a limit or a rule of the client. */
  readonly refusedBy: string | undefined;
  /** The rule of the service by which it was so, such as `timeout`; left out where it was by none, and by clients of older versions. */
  readonly rule?: string | undefined;
  readonly count: number;
}

/** A question to which each client adds its counts. */
interface Question {
  add(troubles: readonly CallTrouble[]): void;
}

/** The channel of `node:diagnostics_channel` on which the clients of a process are asked. */
const NAME = 'org.rpc.client.troubles';
const CHANNEL = channel(NAME);

/**
 * Answers for one client whenever somebody asks.
 * @param tell - returns the client's counts; must be quick
 * @returns a function that stops answering; may be called twice
 */
export function answerTroubles(tell: () => readonly CallTrouble[]): () => void {
  const onQuestion = (question: unknown): void => (question as Question).add(tell());
  subscribe(NAME, onQuestion);
  return () => {
    unsubscribe(NAME, onQuestion);
  };
}

/** The counts of every client of this process, at most `max`. */
export function askTroubles(max: number): readonly CallTrouble[] {
  const all: CallTrouble[] = [];
  const question: Question = {
    add: (troubles) => void all.push(...troubles.slice(0, max - all.length)),
  };
  CHANNEL.publish(question);
  return all;
}
