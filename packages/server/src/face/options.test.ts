import assert from 'node:assert/strict';
import { memory } from '@org/rpc-registry';
import { resolveServerOptions } from './options.js';
import { createServer } from './server.js';

describe('the options of a server', () => {
  const wrong: readonly [options: unknown, message: string | RegExp][] = [
    [{ regsitry: 'local:' }, 'createServer: unknown option "regsitry"; did you mean "registry"?'],
    [{ xyz: 1 }, /^createServer: unknown option "xyz"; known are registry, namespace, authenticate, authorize, /],
    [{ registry: 7 }, 'createServer: registry must be a registry value such as local() or its string form, got 7'],
    [{ namespace: '' }, /^createServer: namespace must be 1 to 200 of .*, got ""$/],
    [{ authorize: 'me' }, 'createServer: authorize must be a function, got "me"'],
    [{ layers: [] }, 'createServer: layers: options must be an object, got an array'],
    [{ layers: { unary: [1] } }, 'createServer: layers.unary[0] must be one of the functions that are layers, got 1'],
    [
      { limits: { messageByte: 1 } },
      'createServer: limits: unknown option "messageByte"; did you mean "messageBytes"?',
    ],
    [
      { limits: { connections: 0 } },
      'createServer: limits: connections must be an integer from 1 to 2147483647, got 0',
    ],
    [{ concurrency: 5 }, 'createServer: concurrency: options must be an object, got 5'],
    [{ concurrency: { max: 0 } }, 'createServer: concurrency: max must be an integer from 1 to 1000000, got 0'],
    [{ concurrency: {} }, 'createServer: concurrency: max must be an integer from 1 to 1000000, got undefined'],
    [{ codec: 'json' }, 'createServer: codec must be a codec such as msgpack(), got "json"'],
    [{ compression: 5 }, 'createServer: compression must be true, false or { aboveBytes, level }, got 5'],
    [{ compression: { above: 1 } }, 'createServer: compression: unknown option "above"; did you mean "aboveBytes"?'],
    [
      { compression: { aboveBytes: -1 } },
      'createServer: compression.aboveBytes must be an integer from 0 to 2147483647, got -1',
    ],
    [{ compression: { level: 0 } }, 'createServer: compression.level must be an integer from 1 to 9, got 0'],
    [
      { signals: 'SIGTERM' },
      'createServer: signals must be a list of signals, or { names, drainMs, graceMs }, got "SIGTERM"',
    ],
    [
      { signals: ['SIGTREM'] },
      'createServer: signals[0] must be one of the signals of this system, such as "SIGTERM", got "SIGTREM"',
    ],
    [{ name: 'a b' }, /^createServer: name must be 1 to 200 of .*, got "a b"$/],
    [{ available: 'no' }, 'createServer: available must be true or false, got "no"'],
    [{ weight: -1 }, 'createServer: weight must be a number from 0 to 10000, got -1'],
    [{ zone: 5 }, 'createServer: zone must be text of 1 to 200 characters without control characters, got 5'],
    [{ tags: { a: 1 } }, 'createServer: tag a must be text of 1 to 1000 characters without control characters, got 1'],
    [{ version: '' }, 'createServer: version must be text of 1 to 200 characters without control characters, got ""'],
    [null, 'createServer: options must be an object, got null'],
  ];
  for (const [options, message] of wrong)
    it(`are checked at once: ${message instanceof RegExp ? message.source : message}`, () => {
      assert.throws(() => createServer(options as never), { name: 'TypeError', message });
    });

  it('may all be undefined', () => {
    const { weight, concurrencyMax, signals } = resolveServerOptions({
      registry: undefined,
      authorize: undefined,
      layers: undefined,
      concurrency: undefined,
      signals: undefined,
      weight: undefined,
      tags: undefined,
    });
    assert.deepEqual([weight, concurrencyMax, signals], [100, Number.POSITIVE_INFINITY, { names: [] }]);
  });

  it('give each server a name of its own unless there is one', () => {
    const registry = memory();
    assert.notEqual(createServer({ registry }).instance, createServer({ registry }).instance);
    assert.equal(createServer({ registry, name: 'blue-1' }).instance, 'blue-1');
  });
});
