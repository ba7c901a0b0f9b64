import { defineService, duplex, method, notify, stream, upload } from '../../src/contract.js';
import type {
  MethodArgs,
  MethodName,
  MethodResult,
  ServiceClient,
  ServiceHandlers,
} from '../../src/face/stub-types.js';
import type { AnyIterable, MaybePromise } from '../../src/method-types.js';
import { assertType, type Equal } from './equal.js';
import { client, server } from './sides.js';

interface User {
  readonly id: string;
  readonly name?: string;
}

const Everything = defineService(
  'everything.v2',
  {
    sum: method<(x: number, y: number) => number>({ idempotent: true, timeoutMs: 200, priority: 255 }),
    find: method<(id: string, deep?: boolean) => Promise<User | undefined>>(),
    join: method<(separator: string, ...parts: string[]) => string>(),
    same: method<<T>(value: T) => Promise<T>>(),
    parse: method<{ (text: string): Promise<string>; (number: number): Promise<number> }>(),
    clear: method<() => void>(),
    loose: method<(value: unknown) => unknown>(),
    fail: method<() => never>(),
    'by-name': method<() => 1 | 2>({ idempotent: undefined, timeoutMs: undefined, priority: undefined }),
    primes: stream<(limit: number) => AsyncIterable<number>>({ idempotent: true }),
    generated: stream<(limit?: number) => AsyncGenerator<string, number, boolean>>(),
    echo: stream<<T>(value: T) => AsyncIterable<T>>(),
    store: upload<(chunks: AsyncIterable<Uint8Array>, name: string, mode?: number) => Promise<number>>(),
    drain: upload<(items: AsyncIterable<string>) => void>(),
    chat: duplex<(messages: AsyncIterable<string>, room?: string) => AsyncIterable<User>>(),
    log: notify<(line: string, level?: number) => void>({ timeoutMs: 10 }),
  },
  { idempotent: false, timeoutMs: 1000, priority: 1 },
);

type Callers = ServiceClient<typeof Everything>;
assertType<Equal<Callers['sum'], (x: number, y: number) => Promise<number>>>();
assertType<Equal<Callers['find'], (id: string, deep?: boolean) => Promise<User | undefined>>>();
assertType<Equal<Callers['join'], (separator: string, ...parts: string[]) => Promise<string>>>();
assertType<Equal<Callers['same'], <T>(value: T) => Promise<T>>>();
assertType<Equal<Callers['parse'], { (text: string): Promise<string>; (number: number): Promise<number> }>>();
assertType<Equal<Callers['clear'], () => Promise<void>>>();
assertType<Equal<Callers['loose'], (value: unknown) => Promise<unknown>>>();
assertType<Equal<Callers['fail'], () => Promise<never>>>();
assertType<Equal<Callers['by-name'], () => Promise<1 | 2>>>();
assertType<Equal<Callers['primes'], (limit: number) => AsyncIterable<number>>>();
assertType<Equal<Callers['generated'], (limit?: number) => AsyncIterable<string>>>();
assertType<Equal<Callers['echo'], <T>(value: T) => AsyncIterable<T>>>();
assertType<Equal<Callers['drain'], (items: AnyIterable<string>) => Promise<void>>>();
assertType<Equal<Callers['log'], (line: string, level?: number) => Promise<void>>>();
assertType<Equal<Parameters<Callers['store']>, [AnyIterable<Uint8Array>, string, (number | undefined)?]>>();
assertType<Equal<Parameters<Callers['chat']>, [AnyIterable<string>, (string | undefined)?]>>();
assertType<Equal<ReturnType<Callers['chat']>, AsyncIterable<User>>>();

type Handlers = ServiceHandlers<typeof Everything>;
assertType<Equal<Handlers['sum'], (x: number, y: number) => MaybePromise<number>>>();
assertType<Equal<Handlers['clear'], () => unknown>>();
assertType<Equal<Handlers['primes'], (limit: number) => AnyIterable<number>>>();
assertType<Equal<Parameters<Handlers['store']>[0], AsyncIterable<Uint8Array>>>();
assertType<Equal<ReturnType<Handlers['chat']>, AnyIterable<User>>>();
assertType<Equal<ReturnType<Handlers['log']>, unknown>>();

assertType<Equal<MethodArgs<typeof Everything, 'sum'>, [x: number, y: number]>>();
assertType<Equal<MethodResult<typeof Everything, 'find'>, User | undefined>>();
assertType<Equal<MethodResult<typeof Everything, 'primes'>, AsyncIterable<number>>>();
assertType<Equal<Extract<MethodName<typeof Everything>, 'sum' | 'with'>, 'sum'>>();

const lines: string[] = [];
server.add(Everything, {
  sum: (x, y) => x + y,
  find: async (id) => (id === '' ? undefined : { id }),
  join: (separator, ...parts) => parts.join(separator),
  same: (value) => value as never,
  parse: () => 1,
  clear: () => lines.push('cleared'),
  loose: (value) => value,
  fail: () => {
    throw new Error('no');
  },
  'by-name': () => 2,
  async *primes(limit) {
    if (limit > 2) yield 2;
  },
  generated: () => ['a'],
  async *echo(value) {
    yield value;
  },
  async store(chunks, name, mode = 0) {
    let bytes = name.length + mode;
    for await (const chunk of chunks) bytes += chunk.byteLength;
    return bytes;
  },
  drain: async (items) => {
    for await (const item of items) lines.push(item);
  },
  async *chat(messages, room = 'all') {
    for await (const message of messages) yield { id: room, name: message };
  },
  log: (line) => lines.push(line),
});

/** A class with more than the contract asks for is an implementation too. */
class Sums {
  #calls = 0;
  sum(x: number, y: number): number {
    this.count();
    return x + y;
  }
  private count(): void {
    this.#calls = this.#calls + 1;
  }
}
const Adder = defineService('adder', { sum: method<(x: number, y: number) => number>() });
server.add(Adder, new Sums());

class DeclaredSums implements ServiceHandlers<typeof Adder> {
  async sum(x: number, y: number): Promise<number> {
    return x + y;
  }
}
server.add(Adder, new DeclaredSums());

export async function calls(signal: AbortSignal | undefined): Promise<void> {
  const everything = client.service(Everything);
  const { sum } = everything;
  assertType<Equal<Awaited<ReturnType<typeof sum>>, number>>();
  await everything
    .with({ timeoutMs: 50, signal })
    .with({ metadata: { tenant: 'a' } })
    .sum(1, 2);
  await everything.find('a');
  await everything.find('a', undefined);
  const same: 'a' = await everything.same('a' as const);
  const number: number = await everything.parse(5);
  for await (const prime of everything.primes(number)) await everything.join(same, String(prime));
  await everything.store([new Uint8Array(1)], 'name');
  for await (const user of everything.chat(everything.generated())) await everything.log(user.id);
  const sums: number[] = await client.broadcast(Everything, 'sum', [1, 2], { hashKey: undefined });
  await everything.log(String(sums), 1);
  await everything
    .with({
      attemptTimeoutMs: 5,
      idleTimeoutMs: 5,
      idempotent: true,
      priority: 0,
      waitForReady: true,
      onResponse: ({ metadata, endpoint, attempts, durationMs }) =>
        lines.push(metadata['key'] ?? endpoint, (attempts + durationMs).toFixed()),
    })
    .clear();
}
