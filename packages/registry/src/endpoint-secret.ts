import { randomBytes } from 'node:crypto';

const BYTES = 32;
const PATTERN = /^[A-Za-z0-9_-]{43}$/;
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/**
 * A secret that only a server and the readers of its registry entry know. Printing shows `[secret]` and JSON leaves it out, so
 * that it gets into no log, no table, and no entry of a registry that does not ask for it.
 */
export class EndpointSecret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The secret itself, for the entry and for proofs. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): undefined {
    return undefined;
  }

  [INSPECT](): string {
    return '[secret]';
  }
}

/** Makes a new secret of 256 random bits. */
export function createEndpointSecret(): EndpointSecret {
  return new EndpointSecret(randomBytes(BYTES).toString('base64url'));
}

/** That of an entry; `undefined` when it has none. @throws TypeError when it is none that {@link createEndpointSecret} makes */
export function readEndpointSecret(where: string, value: unknown): EndpointSecret | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || !PATTERN.test(value)) throw new TypeError(`${where}: secret is not one of a server`);
  return new EndpointSecret(value);
}
