import assert from 'node:assert/strict';
import { isIPv4 } from 'node:net';
import { advertisedEndpoint, resolveListenOptions } from './listen-options.js';

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
    assert.deepEqual(resolveListenOptions({}, true), { host: '127.0.0.1', port: 0, path: undefined });
    assert.deepEqual(resolveListenOptions({}, false), { host: '0.0.0.0', port: 0, path: undefined });
    assert.deepEqual(resolveListenOptions({ host: '::1', port: 4399 }, false), {
      host: '::1',
      port: 4399,
      path: undefined,
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
