import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { describeNodeError } from './node-error.js';

/** So many connections can be told at the same time why they are refused. */
const RESERVE = 4;

const EXHAUSTED: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE']);

/** What opens and closes a descriptor; of the system unless a test brings its own. */
export interface DescriptorPort {
  /** @throws Error with the code `EMFILE` or `ENFILE` when there is none left */
  open(): number;
  close(descriptor: number): void;
}

const SYSTEM: DescriptorPort = { open: () => openSync(devNull, 'r'), close: closeSync };

/**
 * Some descriptors that a listener keeps in reserve. Once a process has none left, libuv accepts connections and closes them without a word,
 * and tells Node.js nothing of it: whoever connects sees an end without a reason, and whoever runs the server sees nothing. So each
 * connection that is accepted is asked whether there is one more; the last ones are for those who are refused.
 */
export class DescriptorReserve {
  readonly #port: DescriptorPort;
  readonly #held: number[] = [];
  #isClosed = false;

  constructor(port: DescriptorPort = SYSTEM) {
    this.#port = port;
  }

  /** Takes the reserve, or as much of it as there is. To be given back with {@link close}. */
  fill(): this {
    while (this.#held.length < RESERVE && this.#add());
    return this;
  }

  /** Whether there is a descriptor beside the reserve. */
  hasRoom(): boolean {
    try {
      this.#port.close(this.#port.open());
    } catch (error) {
      if (EXHAUSTED.has((error as NodeJS.ErrnoException).code)) return false;
    }
    return true;
  }

  /**
   * Gives one of the reserve away, for as long as a connection that is refused takes to hear why.
   * @returns what to call when it is gone; `undefined` when there is none to give
   */
  lend(): (() => void) | undefined {
    const descriptor = this.#held.pop();
    if (descriptor === undefined) return undefined;
    this.#port.close(descriptor);
    return () => void (this.#isClosed || this.#add());
  }

  close(): void {
    this.#isClosed = true;
    for (const descriptor of this.#held.splice(0)) this.#port.close(descriptor);
  }

  #add(): boolean {
    try {
      this.#held.push(this.#port.open());
      return true;
    } catch {
      return false;
    }
  }
}

/** What whoever runs the server is told of a connection that found none. */
export function noDescriptor(): Error {
  return describeNodeError(
    Object.assign(new Error('no descriptor is left'), { code: 'EMFILE' }),
    'refused a connection',
  );
}
