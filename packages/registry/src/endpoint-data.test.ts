import assert from 'node:assert/strict';
import { uptimeMs } from './endpoint.js';
import { readEndpoint, readInstance } from './endpoint-data.js';

const good = { id: 'one', host: 'h', port: 1 };

describe('readEndpoint()', () => {
  it('fills in weight and state, leaves out what it does not know, and freezes all', () => {
    const endpoint = readEndpoint('here', { ...good, tags: { a: '' }, fromTheFuture: 1 });
    assert.deepEqual(endpoint, { id: 'one', host: 'h', port: 1, weight: 100, tags: { a: '' }, state: 'up' });
    assert.ok(Object.isFrozen(endpoint) && Object.isFrozen(endpoint.tags));
  });

  it('keeps when it began, its protocol and its features, those included that it does not know', () => {
    const said = { startedAtMs: 4_102_444_800_000, protocol: 'rpc/9', features: ['streams', 'teleport', 'streams'] };
    const endpoint = readEndpoint('here', { ...good, ...said, state: 'unavailable' });
    const rest = { weight: 100, state: 'unavailable' };
    assert.deepEqual(endpoint, { ...good, ...rest, ...said, features: ['streams', 'teleport'] });
    assert.ok(Object.isFrozen(endpoint.features));
  });

  it('keeps a copy: what was given may change', () => {
    const tags = { a: '1' };
    const endpoint = readEndpoint('here', { ...good, tags });
    tags.a = '2';
    assert.deepEqual(endpoint.tags, { a: '1' });
  });

  for (const host of ['localhost', '127.0.0.1', 'a.b-c_d.internal.', '::1', 'fe80::1%eth0', '::ffff:10.0.0.1']) {
    it(`takes the host ${host}`, () => {
      assert.equal(readEndpoint('here', { ...good, host }).host, host);
    });
  }

  const wrong: readonly [field: string, value: unknown][] = [
    ['id', undefined],
    ['id', ''],
    ['id', 7],
    ['id', 'a\nb'],
    ['id', 'x'.repeat(201)],
    ['host', 123],
    ['host', ''],
    ['host', '[::1]'],
    ['host', ':::1'],
    ['host', 'a b'],
    ['host', 'h\r\nx: y'],
    ['host', '$(id)'],
    ['host', '-h'],
    ['host', 'x'.repeat(254)],
    ['port', undefined],
    ['port', '80'],
    ['port', 0],
    ['port', 65_536],
    ['port', 1.5],
    ['port', Number.NaN],
    ['weight', -1],
    ['weight', 10_001],
    ['weight', 1e308],
    ['weight', 'x'],
    ['weight', null],
    ['state', 'leaving'],
    ['startedAtMs', -1],
    ['startedAtMs', 1.5],
    ['startedAtMs', 8.64e15 + 1],
    ['startedAtMs', '2026-01-01'],
    ['protocol', 1],
    ['features', 'streams'],
    ['features', [1]],
    ['features', ['a b']],
    ['features', Array.from({ length: 65 }, (_, index) => `f${index}`)],
    ['zone', 1],
    ['zone', ''],
    ['version', {}],
    ['tags', []],
    ['tags', { a: 1 }],
    ['tags', { a: { b: 'c' } }],
    ['tags', { '': 'x' }],
    ['tags', Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`t${index}`, 'x']))],
    ['tags', JSON.parse('{"__proto__":"x"}')],
    ['path', ''],
    ['path', 'a\0b'],
  ];
  for (const [field, value] of wrong) {
    it(`refuses the ${field} ${JSON.stringify(value)?.slice(0, 40)}, naming it and the place`, () => {
      const endpoint = field === 'path' ? { id: 'one', path: value } : { ...good, [field]: value };
      const named = new RegExp(field === 'tags' ? 'tag' : field.replace(/^features$/, 'feature'));
      assert.throws(
        () => readEndpoint('here', endpoint),
        (error) => error instanceof TypeError && error.message.startsWith('here: ') && named.test(error.message),
      );
    });
  }

  it('refuses a path beside host and port', () => {
    assert.throws(() => readEndpoint('here', { ...good, path: '/run/x' }), /either a path or host and port/);
  });

  for (const value of [null, [], 'x', 1, undefined]) {
    it(`refuses ${JSON.stringify(value)} in place of an endpoint`, () => {
      assert.throws(() => readEndpoint('here', value), /here: endpoint must be an object/);
    });
  }

  it('does not let data reach the prototype of objects', () => {
    readEndpoint('here', JSON.parse('{"id":"one","host":"h","port":1,"__proto__":{"polluted":1},"constructor":{}}'));
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });
});

describe('readInstance()', () => {
  it('lists each service once', () => {
    assert.deepEqual(readInstance('here', { services: ['a', 'b', 'a'], endpoint: good }).services, ['a', 'b']);
  });

  for (const services of [
    'greeter',
    [''],
    ['a/b'],
    ['../x'],
    ['a b'],
    [7],
    Array.from({ length: 1_001 }, (_, i) => `s${i}`),
  ]) {
    it(`refuses the services ${JSON.stringify(services).slice(0, 30)}`, () => {
      assert.throws(() => readInstance('here', { services, endpoint: good }), TypeError);
    });
  }
});

describe('uptimeMs()', () => {
  it('is the time since the start, 0 for one that lies in the future, and unknown without one', () => {
    assert.equal(uptimeMs({ startedAtMs: 1_000 }, 61_000), 60_000);
    assert.equal(uptimeMs({ startedAtMs: 62_000 }, 61_000), 0);
    assert.equal(uptimeMs({}, 61_000), undefined);
  });
});
