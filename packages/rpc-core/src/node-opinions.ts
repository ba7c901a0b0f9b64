import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What a client has against an instance: why it gives it no calls, or fewer. */
export interface NodeOpinion {
  /** The name of the client. */
  readonly client: string;
  readonly service: string;
  /** The instance's id, and where it is. */
  readonly instance: string;
  readonly endpoint: string;
  /** Whether it gets no calls of some or all methods. */
  readonly isAvoided: boolean;
  /** In words for people, such as `the breaker of find is open`. */
  readonly reasons: readonly string[];
}

/** One question: whoever is asked adds what it has to say. */
interface Question {
  add(opinions: readonly NodeOpinion[]): void;
}

/** The channel of `node:diagnostics_channel` on which the clients of a process are asked. */
const NAME = 'org.rpc.client.opinions';
const CHANNEL = channel(NAME);

/**
 * Answers for one client whenever somebody asks.
 * @param tell - must be quick
 * @returns ends it; may be called twice
 */
export function answerOpinions(tell: () => readonly NodeOpinion[]): () => void {
  const onQuestion = (question: unknown): void => (question as Question).add(tell());
  subscribe(NAME, onQuestion);
  return () => {
    unsubscribe(NAME, onQuestion);
  };
}

/** What all clients of this process have against their instances, at most so many. */
export function askOpinions(max: number): readonly NodeOpinion[] {
  const all: NodeOpinion[] = [];
  const question: Question = {
    add: (opinions) => void all.push(...opinions.slice(0, max - all.length)),
  };
  CHANNEL.publish(question);
  return all;
}
