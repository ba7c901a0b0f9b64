import assert from 'node:assert/strict';
import { defineService, method } from '@org/rpc-core';
import { createClient } from './client.js';
import { configure } from './configure.js';
import { type ClientOptions, resolveClientOptions } from './options.js';

describe('the options of a client', () => {
  const wrong: readonly [options: unknown, message: string | RegExp][] = [
    [{ timeout: 5 }, 'createClient: unknown option "timeout"; did you mean "timeoutMs"?'],
    [{ regsitry: 'local:' }, 'createClient: unknown option "regsitry"; did you mean "registry"?'],
    [{ xyz: 1 }, /^createClient: unknown option "xyz"; known are registry, server, namespace, /],
    [{ timeoutMs: 0 }, 'createClient: timeoutMs must be a number from 1 to 2147483647, got 0'],
    [{ attemptTimeoutMs: 'x' }, 'createClient: attemptTimeoutMs must be a number from 1 to 2147483647, got "x"'],
    [
      { registry: {} },
      'createClient: registry must be a registry value such as local() or its string form, got an object',
    ],
    [{ registry: 'etc' }, /^createClient: registry: a string form begins with its scheme; the forms are local:, /],
    [{ namespace: 'a b' }, /^createClient: namespace must be 1 to 200 of .*, got "a b"$/],
    [{ zone: '' }, /^createClient: zone must be text of 1 to 200 characters .*, got ""$/],
    [{ metadata: 'a=b' }, 'createClient: metadata must be an object of texts or a function that gives one, got "a=b"'],
    [{ balancer: 'p2c' }, 'createClient: balancer must be a picker such as p2c() or roundRobin(), got "p2c"'],
    [{ codec: 'json' }, 'createClient: codec must be a codec such as msgpack(), got "json"'],
    [{ compression: 5 }, 'createClient: compression must be true, false or { aboveBytes, level }, got 5'],
    [{ compression: { above: 1 } }, 'createClient: compression: unknown option "above"; did you mean "aboveBytes"?'],
    [
      { compression: { aboveBytes: -1 } },
      'createClient: compression.aboveBytes must be an integer from 0 to 2147483647, got -1',
    ],
    [{ compression: { level: 0 } }, 'createClient: compression.level must be an integer from 1 to 9, got 0'],
    [{ retry: { max: 11 } }, 'createClient: retry: max must be an integer from 0 to 10, got 11'],
    [{ retry: 3 }, 'createClient: retry: options must be an object, got 3'],
    [{ breaker: { openMs: 1 } }, 'createClient: breaker: openMs must be a number from 100 to 300000, got 1'],
    [{ concurrency: { max: 0 } }, 'createClient: concurrency: max must be an integer from 1 to 1000000, got 0'],
    [{ rateLimit: { perSecnd: 1 } }, 'createClient: rateLimit: unknown option "perSecnd"; did you mean "perSecond"?'],
    [{ layers: { unry: [] } }, 'createClient: layers: unknown option "unry"; did you mean "unary"?'],
    [
      { layers: { unary: () => {} } },
      'createClient: layers.unary must be a list of the functions that are layers, got a function',
    ],
    [
      { layers: { unary: ['x'] } },
      'createClient: layers.unary[0] must be one of the functions that are layers, got "x"',
    ],
    [
      { limits: { messageByte: 1 } },
      'createClient: limits: unknown option "messageByte"; did you mean "messageBytes"?',
    ],
    [
      { propagate: 'tenant' },
      'createClient: propagate must be a list of the keys of metadata, { only: [...] } or false, got "tenant"',
    ],
    [
      { propagate: { only: 'tenant' } },
      'createClient: propagate.only must be a list of the keys of metadata, got "tenant"',
    ],
    [
      { services: [{ name: 'x' }] },
      'createClient: services[0] must be one of what configure(Definition, options) gives, got an object',
    ],
    [null, 'createClient: options must be an object, got null'],
  ];
  for (const [options, message] of wrong) {
    it(`are checked at once: ${message instanceof RegExp ? message.source : message}`, () => {
      assert.throws(() => createClient(options as never), { name: 'TypeError', message });
    });
  }

  it('may all be undefined', () => {
    const names: (keyof ClientOptions)[] = ['registry', 'metadata', 'layers', 'retry', 'breaker', 'limits', 'services'];
    resolveClientOptions(Object.fromEntries(names.map((name) => [name, undefined])));
  });

  it('configure a service once', () => {
    const Once = defineService('once', { run: method<() => void>() });
    assert.throws(() => resolveClientOptions({ services: [configure(Once, {}), configure(Once, {})] }), {
      name: 'TypeError',
      message: 'createClient: services configures "once" twice',
    });
  });
});
