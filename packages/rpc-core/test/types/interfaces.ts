import type { InterfaceClient } from '../../src/face/stub-types.js';
import { assertType, type Equal } from './equal.js';
import { client } from './sides.js';

interface Users {
  find(id: string, deep?: boolean): string | undefined;
  remove(id: string): Promise<void>;
  same<T>(value: T): Promise<T>;
  anything(): unknown;
  watch(): AsyncIterable<string>;
  readonly version: number;
  with(x: number): number;
  then(x: number): number;
  toJSON(): string;
  [Symbol.dispose](): void;
}

class Accounts {
  #secret = 1;
  balance(id: string): number {
    return this.read(id);
  }
  private read(id: string): number {
    return id.length + this.#secret;
  }
}

type Stub = InterfaceClient<Users>;
assertType<Equal<Stub['find'], (id: string, deep?: boolean) => Promise<string | undefined>>>();
assertType<Equal<Stub['remove'], (id: string) => Promise<void>>>();
assertType<Equal<Stub['same'], <T>(value: T) => Promise<T>>>();
assertType<Equal<Stub['anything'], () => Promise<unknown>>>();
assertType<Equal<keyof Stub, 'find' | 'remove' | 'same' | 'anything' | 'with'>>();
assertType<Equal<keyof InterfaceClient<Accounts>, 'balance' | 'with'>>();

export async function calls(): Promise<void> {
  const users = client.service<Users>('users');
  const name: string | undefined = await users.with({ timeoutMs: 5 }).find('a');
  const same: 5 = await users.same(5 as const);
  // @ts-expect-error a stream needs a contract
  users.watch();
  // @ts-expect-error a property is not a method
  users.version();
  // @ts-expect-error `with` is the stub's own
  users.with(5);
  // @ts-expect-error misspelt
  await users.fnid(name, same);
  // @ts-expect-error not by a definition's method names either
  await users.find(5);
}
