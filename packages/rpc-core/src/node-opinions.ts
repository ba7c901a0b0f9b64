import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';

/** A client's opinion of an instance that it gives no calls, or fewer, and why. */
export interface NodeOpinion {
  /** The name of the client. */
  readonly client: string;
  readonly service: string;
  /** The instance's id, and where it is. */
  readonly instance: string;
  readonly endpoint: string;
  /** Whether the instance gets no calls of some or all methods, or only trial calls; else it gets fewer than its peers, or soon none. */
  readonly isAvoided: boolean;
  /** In words for people, such as `the breaker of find is open`. */
  readonly reasons: readonly string[];
}

/** A question to which each client adds its opinions. */
interface Question {
  add(opinions: readonly NodeOpinion[]): void;
}

/** The channel of `node:diagnostics_channel` on which the clients of a process are asked. */
const NAME = 'org.rpc.client.opinions';
const CHANNEL = channel(NAME);

/**
 * Answers for one client whenever somebody asks.
 * @param tell - returns the client's opinions; must be quick
 * @returns a function that stops answering; may be called twice
 */
export function answerOpinions(tell: () => readonly NodeOpinion[]): () => void {
  const onQuestion = (question: unknown): void => (question as Question).add(tell());
  subscribe(NAME, onQuestion);
  return () => {
    unsubscribe(NAME, onQuestion);
  };
}

/** The opinions of every client of this process, at most `max`. */
export function askOpinions(max: number): readonly NodeOpinion[] {
  const all: NodeOpinion[] = [];
  const question: Question = {
    add: (opinions) => void all.push(...opinions.slice(0, max - all.length)),
  };
  CHANNEL.publish(question);
  return all;
}
