import assert from 'node:assert/strict';
import * as v from 'valibot';
import * as z from 'zod';
import { assertServiceDefinition, defineService, duplex, method, notify, stream, upload } from './contract.js';
import type { MethodDeclarations } from './contract-types.js';

const sum = () => method<(x: number, y: number) => number>();

function refusal(run: () => void): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof TypeError, String(error));
    return error.message;
  }
  return assert.fail('was accepted');
}

/** For definitions that the types would refuse. */
function defineUntyped(name: unknown, methods: unknown, defaults?: unknown): unknown {
  return defineService(name as string, methods as MethodDeclarations, defaults as object);
}

function withOptions(options: object): Record<string, unknown> {
  return { sum: method<() => void>(options) };
}

describe('defineService', () => {
  it('gives the name and the methods with every field present', () => {
    const { name, methods } = defineService('calculator.v2', { sum: sum() });
    assert.equal(name, 'calculator.v2');
    assert.deepEqual(methods['sum'], {
      kind: 'unary',
      idempotent: false,
      timeoutMs: undefined,
      priority: undefined,
      args: undefined,
      returns: undefined,
    });
  });

  it('tells the kinds of methods apart', () => {
    const { methods } = defineService('kinds', {
      unary: sum(),
      notify: notify<() => void>(),
      stream: stream<() => AsyncIterable<number>>(),
      upload: upload<(items: AsyncIterable<number>) => number>(),
      duplex: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
    });
    for (const [name, { kind }] of Object.entries(methods)) assert.equal(kind, name);
  });

  it('keeps what a method says of itself', () => {
    const { methods } = defineService('calculator', {
      sum: method<() => void>({ idempotent: true, timeoutMs: 200, priority: 0 }),
    });
    const { idempotent, timeoutMs, priority } = methods['sum']!;
    assert.deepEqual([idempotent, timeoutMs, priority], [true, 200, 0]);
  });

  it('keeps schemas of several libraries', () => {
    const args = [z.number(), v.number()] as const;
    const list = z.tuple([z.string()]);
    const returns = z.string();
    const { methods } = defineService('schemas', {
      each: method({ args, returns }),
      list: method({ args: list }),
    });
    assert.deepEqual(methods['each']?.args, [...args]);
    assert.equal(methods['each']?.returns, returns);
    assert.equal(methods['list']?.args, list);
  });

  it('accepts a schema that is a function, as some libraries make them', () => {
    const schema = Object.assign(() => {}, { '~standard': z.number()['~standard'] });
    assert.equal(defineService('a', { get: method({ args: [], returns: schema }) }).methods['get']?.returns, schema);
  });

  it('has only its own names in methods', () => {
    const { methods } = defineService('calculator', { sum: sum(), constructor: sum(), toString: sum() });
    assert.equal(Object.getPrototypeOf(methods), null);
    assert.deepEqual(Object.keys(methods), ['sum', 'constructor', 'toString']);
    assert.equal(methods['valueOf'], undefined);
  });

  it('is frozen, its methods and lists of schemas included', () => {
    const args = [z.number()];
    const definition = defineService('calculator', { sum: method({ args }) });
    const { methods } = definition;
    args.push(z.number());
    assert.deepEqual(methods['sum']?.args, [args[0]]);
    for (const part of [definition, methods, methods['sum'], methods['sum']?.args]) assert.ok(Object.isFrozen(part));
  });

  describe('defaults', () => {
    it('apply to methods that do not say otherwise', () => {
      const { methods } = defineService(
        'calculator',
        { sum: sum(), own: method<() => void>({ idempotent: false, timeoutMs: 5, priority: 1 }) },
        { idempotent: true, timeoutMs: 200, priority: 9 },
      );
      const [first, own] = [methods['sum']!, methods['own']!];
      assert.deepEqual([first.idempotent, first.timeoutMs, first.priority], [true, 200, 9]);
      assert.deepEqual([own.idempotent, own.timeoutMs, own.priority], [false, 5, 1]);
    });

    it('give streams no total timeout, which only their own methods ask for', () => {
      const { methods } = defineService(
        'streams',
        {
          stream: stream<() => AsyncIterable<number>>(),
          upload: upload<(items: AsyncIterable<number>) => number>(),
          duplex: duplex<(items: AsyncIterable<number>) => AsyncIterable<number>>(),
          bounded: stream<() => AsyncIterable<number>>({ timeoutMs: 5 }),
          notify: notify<() => void>(),
        },
        { timeoutMs: 200, idempotent: true },
      );
      const timeouts = Object.values(methods).map(({ timeoutMs }) => timeoutMs);
      assert.deepEqual(timeouts, [undefined, undefined, undefined, 5, 200]);
      assert.ok(methods['stream']?.idempotent);
    });

    it('never make a one-way method idempotent, since it is never repeated', () => {
      const { methods } = defineService('log', { log: notify<() => void>() }, { idempotent: true });
      assert.equal(methods['log']?.idempotent, false);
    });

    it('are checked like options, even when no method takes them', () => {
      assert.equal(
        refusal(() => defineUntyped('log', {}, { timeout: 5 })),
        'defineService: log: defaults: unknown option "timeout"; did you mean "timeoutMs"?',
      );
      assert.match(
        refusal(() => defineUntyped('log', {}, { priority: 256 })),
        /defaults: priority must be an integer from 0 to 255, got 256/,
      );
      assert.match(
        refusal(() => defineUntyped('log', {}, null)),
        /defaults: options must be an object, got null/,
      );
    });
  });

  describe('refuses', () => {
    it('a wrong service name', () => {
      assert.match(
        refusal(() => defineUntyped('my service', {})),
        /^defineService: service name must be .* got "my service"$/,
      );
      refusal(() => defineUntyped(undefined, {}));
    });

    it('a wrong method name, naming the service', () => {
      assert.match(
        refusal(() => defineUntyped('calculator', { 'a b': sum() })),
        /^defineService: calculator: method name must be .* got "a b"$/,
      );
    });

    for (const name of ['with', 'then', 'catch', 'finally', 'toJSON', '__proto__']) {
      it(`the reserved method name ${name}`, () => {
        const message = refusal(() => defineUntyped('calculator', { [name]: sum() }));
        assert.equal(message, `defineService: calculator: the method name "${name}" is reserved, choose another one`);
      });
    }

    it('methods that are inherited, and a prototype set by __proto__', () => {
      class Methods {
        sum = sum();
      }
      for (const methods of [new Methods(), Object.create({ sum: sum() }), { __proto__: sum() }]) {
        assert.match(
          refusal(() => defineUntyped('calculator', methods)),
          /^defineService: calculator: methods must be a plain object/,
        );
      }
    });

    it('methods that are no object', () => {
      for (const methods of [undefined, null, [sum()], 'sum']) {
        assert.match(
          refusal(() => defineUntyped('calculator', methods)),
          /^defineService: calculator: methods must be an object, got /,
        );
      }
    });

    it('a method that was not made by method() or its sisters', () => {
      for (const value of [undefined, null, () => 1, {}, { kind: 'other', options: {} }, 'unary']) {
        assert.match(
          refusal(() => defineUntyped('calculator', { sum: value })),
          /^defineService: calculator\.sum: expected what method\(\), stream\(\), .* gives, got /,
        );
      }
    });

    const wrongOptions: readonly (readonly [object, string])[] = [
      [{ timeout: 5 }, 'unknown option "timeout"; did you mean "timeoutMs"?'],
      [{ idempotant: true }, 'unknown option "idempotant"; did you mean "idempotent"?'],
      [{ color: 5 }, 'unknown option "color"; known are idempotent, timeoutMs, priority, args, returns'],
      [{ timeoutMs: 0 }, 'timeoutMs must be a number from 1 to 2147483647, got 0'],
      [{ timeoutMs: 2 ** 31 }, 'timeoutMs must be a number from 1 to 2147483647, got 2147483648'],
      [{ timeoutMs: Number.POSITIVE_INFINITY }, 'timeoutMs must be a number from 1 to 2147483647, got Infinity'],
      [{ timeoutMs: Number.NaN }, 'timeoutMs must be a number from 1 to 2147483647, got NaN'],
      [{ timeoutMs: '200' }, 'timeoutMs must be a number from 1 to 2147483647, got "200"'],
      [{ timeoutMs: null }, 'timeoutMs must be a number from 1 to 2147483647, got null'],
      [{ priority: -1 }, 'priority must be an integer from 0 to 255, got -1'],
      [{ priority: 1.5 }, 'priority must be an integer from 0 to 255, got 1.5'],
      [{ idempotent: 'yes' }, 'idempotent must be true or false, got "yes"'],
      [{ errors: {} }, 'the option "errors" is reserved; for now a handler throws RpcError with details'],
      [
        { args: [z.number(), Number] },
        'args[1] must be a schema with "~standard" (zod, valibot, arktype, ...), got a function',
      ],
      [{ args: {} }, 'args must be a schema with "~standard" (zod, valibot, arktype, ...), got an object'],
      [{ args: null }, 'args must be a schema with "~standard" (zod, valibot, arktype, ...), got null'],
      [
        { returns: { '~standard': {} } },
        'returns must be a schema with "~standard" (zod, valibot, arktype, ...), got an object',
      ],
      [{ returns: { '~standard': null } }, 'returns must be a schema with "~standard"'],
    ];
    for (const [options, expected] of wrongOptions) {
      it(`a wrong option: ${expected}`, () => {
        const message = refusal(() => defineUntyped('calculator', withOptions(options)));
        assert.ok(message.startsWith(`defineService: calculator.sum: ${expected}`), message);
      });
    }

    it('options that are no object', () => {
      assert.match(
        refusal(() => defineUntyped('calculator', { sum: method(5 as never) })),
        /calculator\.sum: options must be an object, got 5/,
      );
    });

    it('schemas of a stream, and idempotent of a one-way method', () => {
      const streaming = { primes: stream<() => AsyncIterable<number>>({ args: [] } as object) };
      assert.match(
        refusal(() => defineUntyped('a', streaming)),
        /a\.primes: unknown option "args"/,
      );
      const oneWay = { log: notify<() => void>({ idempotent: true } as object) };
      assert.match(
        refusal(() => defineUntyped('a', oneWay)),
        /a\.log: unknown option "idempotent"/,
      );
    });
  });
});

describe('assertServiceDefinition', () => {
  it('accepts what defineService gives', () => {
    assertServiceDefinition('server.add', defineService('calculator', { sum: sum() }));
  });

  it('refuses everything else and says what to pass', () => {
    for (const value of [undefined, null, 'calculator', {}, { name: 'calculator', methods: {} }, class {}]) {
      assert.match(
        refusal(() => assertServiceDefinition('server.add', value)),
        /^server\.add: expected a service definition made by defineService\(\), got /,
      );
    }
  });
});
