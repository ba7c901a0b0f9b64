import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import { availableParallelism } from 'node:os';
import { advertisedEndpoint, outwardAddress, resolveListenOptions, withEnvironment } from './listen-options.js';

describe('the options of listen()', () => {
  const long = `/tmp/${'x'.repeat(103)}`;
  const wrong: readonly [options: unknown, message: string][] = [
    [{ prot: 4399 }, 'server.listen: unknown option "prot"; did you mean "port"?'],
    [{ port: 70_000 }, 'server.listen: port must be an integer from 0 to 65535, got 70000'],
    [{ port: '4399' }, 'server.listen: port must be an integer from 0 to 65535, got "4399"'],
    [{ host: '' }, 'server.listen: host must be a name or an address without brackets, got ""'],
    [{ host: '[::1]' }, 'server.listen: host must be a name or an address without brackets, got "[::1]"'],
    [{ host: 5 }, 'server.listen: host must be a name or an address without brackets, got 5'],
    [{ path: '' }, 'server.listen: path must be text of 1 to 107 bytes, got ""'],
    [
      { path: long },
      `server.listen: path must be text of 1 to 107 bytes, got "${long.slice(0, 60)}"... (108 characters)`,
    ],
    [{ path: '/tmp/a', port: 4399 }, 'server.listen: give either path or port, not both'],
    [{ path: '/tmp/a', advertise: {} }, 'server.listen: give either path or advertise, not both'],
    [{ advertise: '10.0.0.7' }, 'server.listen: advertise must be an object, got "10.0.0.7"'],
    [{ advertise: { hots: 'h' } }, 'server.listen: advertise: unknown option "hots"; did you mean "host"?'],
    [{ advertise: { port: 0 } }, 'server.listen: advertise: port must be an integer from 1 to 65535, got 0'],
    [
      { advertise: { host: '' } },
      'server.listen: advertise: host must be text of 1 to 253 characters without control characters, got ""',
    ],
    [
      { advertise: { host: '0.0.0.0' } },
      "server.listen: advertise.host 0.0.0.0 is no address that a client could reach; name this machine's",
    ],
    [null, 'server.listen: options must be an object, got null'],
  ];
  for (const [options, message] of wrong)
    it(`are checked: ${message}`, () => {
      assert.throws(() => resolveListenOptions(options as never, true), { name: 'TypeError', message });
    });

  it('default to any free port, on the loopback address where the registry is of this machine only', () => {
    assert.deepEqual(resolveListenOptions({}, true), {
      host: '127.0.0.1',
      port: 0,
      path: undefined,
      workers: undefined,
    });
    assert.deepEqual(resolveListenOptions({}, false), {
      host: '0.0.0.0',
      port: 0,
      path: undefined,
      workers: undefined,
    });
    assert.deepEqual(resolveListenOptions({ host: '::1', port: 4399 }, false), {
      host: '::1',
      port: 4399,
      path: undefined,
      workers: undefined,
    });
  });
});

describe('the address that a server advertises', () => {
  it('is the one that it listens on', () => {
    assert.deepEqual(advertisedEndpoint(undefined, { host: '10.0.0.7', port: 4399 }), { host: '10.0.0.7', port: 4399 });
  });

  it('is one of this machine that others can reach when it listens on all', () => {
    const { host, port } = advertisedEndpoint(undefined, { host: '0.0.0.0', port: 4399 });
    assert.ok(isIPv4(host) && host !== '0.0.0.0', host);
    assert.equal(port, 4399);
  });

  it('is what the option says, in part or whole', () => {
    const bound = { host: '127.0.0.1', port: 4399 };
    assert.deepEqual(advertisedEndpoint({ host: 'shop.example' }, bound), { host: 'shop.example', port: 4399 });
    assert.deepEqual(advertisedEndpoint({ port: 80 }, bound), { host: '127.0.0.1', port: 80 });
  });

  it('is the path of a unix socket', () => {
    assert.deepEqual(advertisedEndpoint(undefined, { host: '', port: 0, path: '/tmp/a' }), {
      host: '',
      port: 0,
      path: '/tmp/a',
    });
  });
});

describe('what the environment says of listening', () => {
  it('fills in what the options leave out', () => {
    assert.deepEqual(withEnvironment({}, {}), {});
    assert.deepEqual(withEnvironment({}, { RPC_PORT: '4399', RPC_ADVERTISE: 'h.example:31399' }), {
      port: 4399,
      advertise: { host: 'h.example', port: 31_399 },
    });
    const own = { port: 1, advertise: { host: 'own' } };
    assert.deepEqual(withEnvironment(own, { RPC_PORT: '2', RPC_ADVERTISE: 'other' }), own);
    const path = { path: '/tmp/a' };
    assert.deepEqual(withEnvironment(path, { RPC_PORT: '2', RPC_ADVERTISE: 'other' }), path);
  });

  for (const [text, advertise] of [
    ['10.0.0.7', { host: '10.0.0.7', port: undefined }],
    ['[2001:db8::7]:80', { host: '2001:db8::7', port: 80 }],
    ['2001:db8::7', { host: '2001:db8::7', port: undefined }],
  ] as const)
    it(`reads the address ${text}`, () => {
      assert.deepEqual(withEnvironment({}, { RPC_ADVERTISE: text }).advertise, advertise);
    });

  it('names the variable that is wrong', () => {
    for (const text of ['h:0', 'h:70000', ':80', 'a b', '[::1'])
      assert.throws(() => withEnvironment({}, { RPC_ADVERTISE: text }), /^TypeError: server\.listen: RPC_ADVERTISE/);
    for (const text of ['x', '-1', '65536', '1.5'])
      assert.throws(
        () => withEnvironment({}, { RPC_PORT: text }),
        /^TypeError: server\.listen: RPC_PORT: the port must be/,
      );
  });
});

describe('how many workers a server has', () => {
  it('is a number, or that of the cores', () => {
    assert.equal(resolveListenOptions({ port: 1 }, false).workers, undefined);
    assert.equal(resolveListenOptions({ port: 1, workers: 3 }, false).workers, 3);
    assert.equal(resolveListenOptions({ port: 1, workers: 'auto' }, false).workers, availableParallelism());
  });

  it('comes from the environment where the option says nothing', () => {
    assert.equal(withEnvironment({}, { RPC_WORKERS: 'auto' }).workers, 'auto');
    assert.equal(withEnvironment({}, { RPC_WORKERS: '4' }).workers, 4);
    assert.equal(withEnvironment({ workers: 2 }, { RPC_WORKERS: '4' }).workers, 2);
    for (const text of ['0', '257', '2.5', 'many'])
      assert.throws(
        () => withEnvironment({}, { RPC_WORKERS: text }),
        /^TypeError: server\.listen: RPC_WORKERS must be auto or an integer from 1 to 256, got/,
      );
  });

  it('is refused in words', () => {
    for (const workers of [0, 257, 1.5, 'all' as never])
      assert.throws(
        () => resolveListenOptions({ port: 1, workers }, false),
        /server\.listen: workers must be an integer from 1 to 256, got/,
      );
    assert.throws(
      () => resolveListenOptions({ host: '127.0.0.1', workers: 2 }, false),
      /workers share one port, so name it/,
    );
  });
});

describe('the address by which others reach this machine', () => {
  const address = (family: 'IPv4' | 'IPv6', text: string, internal = false): never =>
    ({ family, address: text, internal }) as never;

  it('is of IPv4, else of IPv6 that reaches beyond the link, else loopback', () => {
    const lo = [address('IPv4', '127.0.0.1', true), address('IPv6', '::1', true)];
    const six = [address('IPv6', 'fe80::1'), address('IPv6', '2001:db8::7')];
    assert.equal(outwardAddress({ lo, eth0: [...six, address('IPv4', '10.0.0.7')] }), '10.0.0.7');
    assert.equal(outwardAddress({ lo, eth0: six }), '2001:db8::7');
    assert.equal(outwardAddress({ lo }), '127.0.0.1');
  });
});
