import assert from 'node:assert/strict';
import { createClient, createServer, etcd, local, memory, registryFrom } from '@org/rpc';

/** Runs a function with these variables of the environment; those not named are unset. */
function withEnvironment<T>(variables: { RPC_REGISTRY?: string; NODE_ENV?: string }, fn: () => T): T {
  const names = ['RPC_REGISTRY', 'NODE_ENV'] as const;
  const before = names.map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const name of names) set(name, variables[name]);
  try {
    return fn();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

const display = (option?: Parameters<typeof registryFrom>[0]): string => registryFrom(option).display;

describe('the registry', () => {
  it('is the value that is given', () => {
    const registry = memory();
    assert.equal(registryFrom(registry), registry);
  });

  for (const [text, shown] of [
    ['local:', local().display],
    ['local:/tmp/shop', 'local:/tmp/shop'],
    ['direct://10.0.0.7:4399,10.0.0.8:4399', 'direct://10.0.0.7:4399 and 1 more'],
    ['etcd://h1:2379,h2:2379/shop', etcd({ hosts: ['http://h1:2379', 'http://h2:2379'], prefix: 'shop' }).display],
  ] as const)
    it(`is made of its string form: ${text}`, () => {
      assert.equal(display(text), shown);
    });

  it('shows no password', () => {
    assert.equal(display('etcd://root:hunter2@h1:2379').includes('hunter2'), false);
  });

  it('is taken from RPC_REGISTRY when the option is left out', () => {
    const shown = withEnvironment({ RPC_REGISTRY: 'direct://10.0.0.7:4399' }, () => [
      display(),
      display('local:/tmp/shop'),
    ]);
    assert.deepEqual(shown, ['direct://10.0.0.7:4399', 'local:/tmp/shop']);
  });

  it('is local: when nothing is said', () => {
    assert.equal(
      withEnvironment({}, () => display()),
      local().display,
    );
    assert.equal(
      withEnvironment({ RPC_REGISTRY: '' }, () => display()),
      local().display,
    );
  });

  it('must be named in production', () => {
    for (const [where, make] of [
      ['createClient', createClient],
      ['createServer', createServer],
    ] as const) {
      const message = `${where}: in production the registry must be named: give the option registry (such as etcd({ hosts })) or set RPC_REGISTRY`;
      withEnvironment({ NODE_ENV: 'production' }, () => assert.throws(() => make(), { name: 'TypeError', message }));
      withEnvironment({ NODE_ENV: 'production', RPC_REGISTRY: 'local:' }, () => make());
      withEnvironment({ NODE_ENV: 'production' }, () => make({ registry: memory() }));
    }
  });

  for (const [text, message] of [
    [
      'etc://h1:2379',
      /^createClient: registry: unknown scheme "etc" \(did you mean "etcd"\?\); the forms are local:, .*etcd:\/\/\.\.\./,
    ],
    ['h1:2379', /^createClient: registry: unknown scheme "h1".*; the forms are local:, /],
    ['shop', /^createClient: registry: a string form begins with its scheme; the forms are local:, /],
    ['etcd://', /^createClient: etcd: cannot read "etcd:\/\/"; write etcd:\/\/host:2379, or /],
    ['direct://nowhere', /^createClient: direct: "nowhere" must be host:port, /],
  ] as const) {
    it(`is refused at once when its string form is wrong: ${text}`, () => {
      assert.throws(() => createClient({ registry: text }), { name: 'TypeError', message });
    });

    it(`is refused with the name of the variable when it comes from RPC_REGISTRY: ${text}`, () => {
      const fromEnvironment = new RegExp(message.source.replace('createClient: ', 'createClient: RPC_REGISTRY: '));
      withEnvironment({ RPC_REGISTRY: text }, () =>
        assert.throws(() => createClient(), { name: 'TypeError', message: fromEnvironment }),
      );
    });
  }

  it('shows no password of a string form that is wrong', () => {
    for (const text of ['etcd://root:hunter2@', 'etc://root:hunter2@h1:2379', 'root:hunter2@h1:2379'])
      assert.throws(
        () => registryFrom(text),
        (error: Error) => !error.message.includes('hunter2'),
      );
  });
});

describe('the options of createClient() and createServer()', () => {
  for (const [where, make] of [
    ['createClient', createClient],
    ['createServer', createServer],
  ] as const)
    it(`must be an object: ${where}`, () => {
      for (const [options, shown] of [
        [null, 'null'],
        [5, '5'],
        ['local:', '"local:"'],
      ] as const)
        assert.throws(() => make(options as never), {
          name: 'TypeError',
          message: `${where}: options must be an object, got ${shown}`,
        });
    });
});
