import { defineService, duplex, method, notify, stream, upload } from '../../src/contract.js';
import type { ServiceHandlers } from '../../src/face/stub-types.js';
import { client, server } from './sides.js';

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>(),
  clear: method<() => void>(),
  primes: stream<(limit: number) => AsyncIterable<number>>(),
});
const calculator = client.service(Calculator);
const handlers: ServiceHandlers<typeof Calculator> = { sum: (x, y) => x + y, clear: () => {}, primes: () => [] };

// Contracts without types.
// @ts-expect-error no type
defineService('a', { bad: method() });
// @ts-expect-error no type, but options
defineService('a', { bad: method({ idempotent: true }) });
// @ts-expect-error no type
defineService('a', { bad: stream() });
// @ts-expect-error no type
defineService('a', { bad: upload() });
// @ts-expect-error no type
defineService('a', { bad: duplex() });
// @ts-expect-error no type
defineService('a', { bad: notify() });
// @ts-expect-error not made by method()
defineService('a', { bad: (x: number) => x });

// Function types of the wrong shape.
// @ts-expect-error a method cannot return a stream
defineService('a', { bad: method<() => AsyncIterable<number>>() });
// @ts-expect-error nor a promise of one
defineService('a', { bad: method<() => Promise<AsyncGenerator<number>>>() });
// @ts-expect-error nor perhaps one
defineService('a', { bad: method<() => string | AsyncIterable<number>>() });
// @ts-expect-error not a function
method<number>();
class Sum {
  add(x: number): number {
    return x;
  }
}
// @ts-expect-error a class is no function that can be called
method<typeof Sum>();
// @ts-expect-error nor is an instance of one
method<Sum>();
// @ts-expect-error a class is no options either
method(Sum);
// @ts-expect-error nor what a service is made of
defineService('a', Sum);
// @ts-expect-error nor a method of one
defineService('a', { bad: Sum });
// @ts-expect-error the type of the items instead of the function
stream<(limit: number) => number>();
// @ts-expect-error no stream comes in
upload<(name: string) => Promise<number>>();
// @ts-expect-error no stream goes out
duplex<(items: AsyncIterable<string>) => Promise<string>>();
// @ts-expect-error a one-way method has no result
notify<() => number>();

// Names.
// @ts-expect-error reserved
defineService('a', { with: method<() => void>() });
// @ts-expect-error reserved
defineService('a', { then: method<() => void>() });
// @ts-expect-error reserved
defineService('a', { catch: method<() => void>() });
// @ts-expect-error reserved
defineService('a', { finally: method<() => void>() });
// @ts-expect-error reserved
defineService('a', { toJSON: method<() => void>() });
// @ts-expect-error reserved
defineService('a', { ['__proto__']: method<() => void>() });

// Options.
// @ts-expect-error misspelt
method<() => void>({ timeout: 5 });
// @ts-expect-error of the wrong type
method<() => void>({ timeoutMs: '5' });
// @ts-expect-error reserved
method<() => void>({ errors: {} });
// @ts-expect-error a one-way method is never repeated
notify<() => void>({ idempotent: true });
// @ts-expect-error misspelt
defineService('a', { sum: method<() => void>() }, { idempotant: true });
// @ts-expect-error misspelt
calculator.with({ timeoutMS: 5 });
// @ts-expect-error not a signal
calculator.with({ signal: 5 });

// Handlers.
// @ts-expect-error one is missing
server.add(Calculator, { sum: (x, y) => x + y, clear: () => {} });
// @ts-expect-error one is too many
server.add(Calculator, { ...handlers, smu: () => 1 });
// @ts-expect-error a wrong result
server.add(Calculator, { ...handlers, sum: () => 'three' });
// @ts-expect-error a wrong item
server.add(Calculator, { ...handlers, primes: () => ['two'] });
// @ts-expect-error a wrong parameter
server.add(Calculator, { ...handlers, sum: (x: string, y: number) => x.length + y });
// @ts-expect-error one parameter too many
server.add(Calculator, { ...handlers, sum: (x: number, y: number, z: number) => x + y + z });
// @ts-expect-error a class instead of an instance
server.add(Calculator, class Handlers {});
class Hidden {
  private sum(): number {
    return 0;
  }
  clear(): void {
    this.sum();
  }
  primes(): number[] {
    return [];
  }
}
// @ts-expect-error a private method cannot be called
server.add(Calculator, new Hidden());
class Narrow {
  sum(x: 1, y: 2): number {
    return x + y;
  }
  clear(): void {}
  primes(): number[] {
    return [];
  }
}
// @ts-expect-error a narrower parameter, although it is a method of a class
server.add(Calculator, new Narrow());

// Calls.
export async function calls(): Promise<void> {
  // @ts-expect-error a wrong argument
  await calculator.sum(1, '2');
  // @ts-expect-error an argument is missing
  await calculator.sum(1);
  // @ts-expect-error too many arguments
  await calculator.sum(1, 2, 3);
  // @ts-expect-error a misspelt method
  await calculator.smu(1, 2);
  // @ts-expect-error the result is a number
  const text: string = await calculator.sum(1, 2);
  // @ts-expect-error a stream is not a promise of one value
  const prime: number = await calculator.primes(5);
  // @ts-expect-error no result
  const nothing: number = await calculator.clear();
  // @ts-expect-error methods are read-only
  calculator.sum = async () => 1;
  // @ts-expect-error a misspelt method
  await client.broadcast(Calculator, 'smu', [1, 2]);
  // @ts-expect-error an argument is missing
  await client.broadcast(Calculator, 'sum', [1]);
  // @ts-expect-error neither a type nor a definition
  client.service('calculator');
  calculator.with({}).sum(text.length, prime + nothing);
}
