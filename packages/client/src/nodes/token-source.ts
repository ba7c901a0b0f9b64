import type { Clock } from '@org/rpc-core';
import { isPromise } from '@org/rpc-core/internal';
import { unfitToken } from '@org/rpc-wire/internal';

/** How long a token may be waited for, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** What shows servers who a client is: a text, or a function that is asked for each connection. */
export type TokenOption = string | (() => string | Promise<string>);

/**
 * The token of a client, asked for anew for each connection that is made, so that tokens may change. Connections that are made at the same
 * time share one answer. Whatever is wrong with a token, it is in no text.
 */
export class TokenSource {
  readonly #ask: () => string | Promise<string>;
  readonly #clock: Clock;
  #asked: Promise<string> | undefined;

  constructor(option: TokenOption, clock: Clock) {
    this.#ask = typeof option === 'function' ? option : () => option;
    this.#clock = clock;
  }

  /** The token of now. Rejects, in words for people, when there is none in time. */
  get(): Promise<string> {
    this.#asked ??= this.#get().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #get(): Promise<string> {
    let cancel = (): void => {};
    try {
      const given = this.#ask();
      const late = new Promise<never>((_, reject) => {
        if (isPromise(given))
          cancel = this.#clock.schedule(TIMEOUT_MS, () => reject(new Error(`no token came within ${TIMEOUT_MS} ms`)));
      });
      return checked(await Promise.race([given, late]));
    } catch (error) {
      const text = error instanceof Error ? error.message : 'it threw something that is no Error';
      throw Object.assign(new Error(`the client's token function failed: ${text}`, { cause: error }), {
        code: 'UNAUTHENTICATED',
      });
    } finally {
      cancel();
    }
  }
}

/** @throws TypeError that says what a token is, and nothing of what was given */
function checked(token: unknown): string {
  const fault = unfitToken(token);
  if (fault === undefined) return token as string;
  throw new TypeError(`a token is a ${fault}, and it gave ${typeof token === 'string' ? 'another text' : 'none'}`);
}
