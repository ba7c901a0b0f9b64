import type { Clock } from '@org/rpc-core';

/** Fewer bytes in one read are too little to make others wait: no clock is looked at for them. */
const MUCH_BYTES = 8 * 1024;

/** What was read may be worked on for so long before others come first, in milliseconds. */
const TURN_MS = 1;

/** So many connections may wait for their turn: each keeps what was read of it last, up to 64 KiB. */
const WAITING_MAX = 128;

/** Who is to be read from when its turn comes. */
export interface InTurn {
  /** One host may have many connections, and has no more turns for that. */
  readonly host: string;
  /** Reads on. @returns whether it has anything to read */
  go(): boolean;
}

/**
 * Lets the connections of a server read in turns. The system gives all that has come for a connection at once, up to two megabytes: who sends
 * without a pause would have handlers run for as long as that takes, and again in each turn of the event loop, while the others wait. So whoever
 * has had its millisecond is not read from until it is its turn: one of them in each turn of the loop, each host in turn (deficit round robin
 * with a quantum of one read; Shreedhar and Varghese, SIGCOMM 1995). Those who send little are read from at once.
 *
 * A connection that sends little pays nothing; one that sends much, two looks at the clock for each read.
 */
export class ReadTurns {
  readonly #clock: Pick<Clock, 'now' | 'afterPoll'>;
  /** Those that wait, by host; the host whose turn it is comes first. */
  readonly #waiting = new Map<string, InTurn[]>();
  #size = 0;

  constructor(clock: Pick<Clock, 'now' | 'afterPoll'>) {
    this.#clock = clock;
  }

  /**
   * Has these bytes handled.
   * @returns whether that took so long that the connection is to wait for its turn; `who.go` is called then
   */
  read(bytes: Buffer, handle: (bytes: Buffer) => void, who: InTurn): boolean {
    if (bytes.length < MUCH_BYTES) {
      handle(bytes);
      return false;
    }
    const startedAt = this.#clock.now();
    handle(bytes);
    if (this.#size >= WAITING_MAX || this.#clock.now() - startedAt < TURN_MS) return false;
    this.#add(who);
    return true;
  }

  #add(who: InTurn): void {
    const line = this.#waiting.get(who.host);
    if (line === undefined) this.#waiting.set(who.host, [who]);
    else line.push(who);
    if (this.#size++ === 0) this.#clock.afterPoll(this.#next);
  }

  readonly #next = (): void => {
    while (this.#size > 0 && !this.#takeNext().go());
    if (this.#size > 0) this.#clock.afterPoll(this.#next);
  };

  #takeNext(): InTurn {
    const [host, line] = this.#waiting.entries().next().value!;
    const next = line.shift()!;
    this.#size--;
    this.#waiting.delete(host);
    if (line.length > 0) this.#waiting.set(host, line);
    return next;
  }
}
