import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';

/** That a client has a service open, which costs it connections and makes it follow the rules of the service. */
export interface ClientUse {
  /** The name of the client. */
  readonly client: string;
  readonly service: string;
  /** Whether it has called a method of it since it was made. */
  readonly hasCalled: boolean;
}

/** A question to which each client adds what it uses. */
interface Question {
  add(uses: readonly ClientUse[]): void;
}

/** The channel of `node:diagnostics_channel` on which the clients of a process are asked. */
const NAME = 'org.rpc.client.uses';
const CHANNEL = channel(NAME);

/**
 * Answers for one client whenever somebody asks.
 * @param tell - returns the services that the client has open; must be quick
 * @returns a function that stops answering; may be called twice
 */
export function answerUses(tell: () => readonly ClientUse[]): () => void {
  const onQuestion = (question: unknown): void => (question as Question).add(tell());
  subscribe(NAME, onQuestion);
  return () => {
    unsubscribe(NAME, onQuestion);
  };
}

/** Which services the clients of this process have open, at most `max` pairs of a client and a service. */
export function askUses(max: number): readonly ClientUse[] {
  const all: ClientUse[] = [];
  const question: Question = {
    add: (uses) => void all.push(...uses.slice(0, max - all.length)),
  };
  CHANNEL.publish(question);
  return all;
}
