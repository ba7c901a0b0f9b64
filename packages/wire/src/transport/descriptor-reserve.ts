import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { describeNodeError } from './node-error.js';

/** How many connections can be told at the same time why they are refused. */
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
 * Some descriptors that a listener keeps in reserve. When a process has none left, libuv accepts connections and closes them
 * without telling Node.js: the client sees an end without a reason, and the server's operator sees nothing. So at each accepted
 * connection this checks whether there is one more descriptor; the last ones serve to tell clients why they are refused.
 */
export class DescriptorReserve {
  readonly #port: DescriptorPort;
  readonly #held: number[] = [];
  #isClosed = false;

  constructor(port: DescriptorPort = SYSTEM) {
    this.#port = port;
  }

  /** Opens the reserve, or as much of it as possible. Release it with {@link close}. */
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
   * Lends one descriptor of the reserve, for as long as a refused connection takes to be told why.
   * @returns a function to call when the connection is gone; `undefined` when the reserve is empty
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

/** What the server's operator is told of a connection for which there was no descriptor. */
export function noDescriptor(): Error {
  return describeNodeError(
    Object.assign(new Error('no descriptor is left'), { code: 'EMFILE' }),
    'refused a connection',
  );
}
