import assert from 'node:assert/strict';
import { createServiceKeys } from './keys.js';

describe('createServiceKeys', () => {
  const keys = createServiceKeys('apps/rpc', 'prod');

  it('puts an instance below its service, namespace and prefix', () => {
    assert.equal(keys.instanceKey('calculator', 'a1'), '/apps/rpc/prod/services/calculator/a1');
  });

  it('begins with the namespace when the prefix is empty', () => {
    assert.equal(createServiceKeys('', 'prod').instanceKey('calculator', 'a1'), '/prod/services/calculator/a1');
  });

  it('scans a service up to but without the key after its last possible instance', () => {
    assert.deepEqual(keys.instances('user'), {
      key: '/apps/rpc/prod/services/user/',
      rangeEnd: '/apps/rpc/prod/services/user0',
    });
  });

  it('keeps every name within its own range, whatever it is', () => {
    for (const odd of ['a/b', '../x', '.', '..', ' ', '😀', 'a%2Fb', 'user/', 'x'.repeat(10_000), '\u0000', '\ud800']) {
      const { key, rangeEnd } = keys.instances(odd);
      assert.equal(key.slice('/apps/rpc/prod/services/'.length).split('/').length, 2, odd);
      assert.ok(keys.instanceKey(odd, odd) > key && keys.instanceKey(odd, odd) < rangeEnd, odd);
    }
  });

  it('gives every two names two keys', () => {
    const names = ['a/b', 'a%2Fb', 'a', 'A', '.', '..', '%2E', 'a b', 'a+b'];
    assert.equal(new Set(names.map((name) => keys.instanceKey(name, 'i'))).size, names.length);
  });

  it('finds the id in the key of an instance', () => {
    for (const id of ['a1', 'a/b', '.', 'ä ö', 'a%2Fb']) {
      assert.equal(keys.instanceId('calculator', keys.instanceKey('calculator', id)), id);
    }
  });

  it('finds no id in a key that no instance has', () => {
    for (const rest of ['', 'a/b', '%', '%zz', '%41', '..', 'a b']) {
      assert.equal(keys.instanceId('user', `${keys.instances('user').key}${rest}`), undefined, rest);
    }
    assert.equal(keys.instanceId('user', keys.instanceKey('user-admin', 'a1')), undefined);
  });

  it('finds the service in the key of an instance, and where the next service begins', () => {
    assert.deepEqual(keys.serviceOf(keys.instanceKey('user', 'a1')), {
      service: 'user',
      next: '/apps/rpc/prod/services/user0',
    });
  });

  it('finds no service in a key that no instance has', () => {
    assert.equal(keys.serviceOf('/apps/rpc/prod/services/user'), undefined);
    assert.equal(keys.serviceOf('/apps/rpc/prod/rules/user/x'), undefined);
    assert.equal(keys.serviceOf('/apps/rpc/prod/services/%zz/x'), undefined);
  });
});
