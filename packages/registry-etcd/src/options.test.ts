import assert from 'node:assert/strict';
import { type EtcdOptions, resolveEtcdOptions } from './options.js';

describe('resolveEtcdOptions', () => {
  const refuses = (options: unknown, message: RegExp): void => {
    assert.throws(() => resolveEtcdOptions(options as EtcdOptions), { name: 'TypeError', message });
  };

  it('completes what is left out', () => {
    assert.deepEqual(resolveEtcdOptions({ hosts: 'http://10.0.0.1:2379' }), {
      hosts: ['10.0.0.1:2379'],
      ttlSeconds: 15,
      prefix: 'rpc',
      auth: undefined,
      tls: undefined,
      snapshots: {},
    });
  });

  it('takes hosts with and without scheme, port and brackets, each once', () => {
    const { hosts } = resolveEtcdOptions({ hosts: ['h1', 'http://h1:2379/', '[::1]:99', 'h-2.example:1'] });
    assert.deepEqual(hosts, ['h1:2379', '[::1]:99', 'h-2.example:1']);
  });

  it('turns TLS on for https hosts', () => {
    assert.deepEqual(resolveEtcdOptions({ hosts: 'https://h1' }).tls, {});
  });

  it('refuses hosts that are none', () => {
    refuses({}, /hosts must be 1 to 100 addresses such as "http:\/\/127.0.0.1:2379", got undefined/);
    refuses({ hosts: [] }, /got 0 of them/);
    refuses({ hosts: [7] }, /got 7/);
    for (const host of ['', 'ftp://h1', 'h1:0', 'h1:65536', 'h1:port', 'h 1', 'http://h1/path', '::1', 'h1\r\n']) {
      refuses({ hosts: [host] }, /hosts must be addresses/);
    }
  });

  it('refuses a mix of http and https', () => {
    refuses({ hosts: ['http://h1', 'https://h2'] }, /all http:\/\/ or all https:\/\//);
    refuses({ hosts: ['http://h1'], tls: {} }, /write https:\/\//);
  });

  it('refuses credentials in a host without showing them', () => {
    refuses({ hosts: ['http://user:sesame@h1'] }, /^(?!.*sesame).*auth: \{ username, password \}/);
  });

  it('refuses a time to live below 5 seconds, and one that is no whole number', () => {
    for (const ttlSeconds of [4, 0, -1, 5.5, Number.NaN, '15', null]) {
      refuses({ hosts: 'h1', ttlSeconds }, /ttlSeconds must be an integer from 5 to 86400, got/);
    }
    assert.equal(resolveEtcdOptions({ hosts: 'h1', ttlSeconds: 5 }).ttlSeconds, 5);
  });

  it('strips the slashes around a prefix and takes an empty one', () => {
    assert.equal(resolveEtcdOptions({ hosts: 'h1', prefix: '/apps/rpc/' }).prefix, 'apps/rpc');
    assert.equal(resolveEtcdOptions({ hosts: 'h1', prefix: '' }).prefix, '');
    assert.equal(resolveEtcdOptions({ hosts: 'h1', prefix: '/' }).prefix, '');
  });

  it('refuses a prefix of other characters or with an empty segment', () => {
    for (const prefix of ['a b', 'a//b', 'ä', '/a//', 7, 'x'.repeat(201)])
      refuses({ hosts: 'h1', prefix }, /prefix must be/);
  });

  it('names the nearest option for an unknown one', () => {
    refuses({ hosts: 'h1', ttlSecond: 3 }, /unknown option "ttlSecond"; did you mean "ttlSeconds"/);
    refuses({ hosts: 'h1', auth: { user: 'a', password: 'b' } }, /etcd: auth: unknown option "user"/);
    refuses({ hosts: 'h1', tls: { cacert: '' } }, /etcd: tls: unknown option "cacert"/);
  });

  it('refuses half a login, and never shows the password', () => {
    refuses({ hosts: 'h1', auth: { username: '', password: 'sesame' } }, /^(?!.*sesame).*auth.username must be a name/);
    refuses({ hosts: 'h1', auth: { username: 'a', password: 7 } }, /auth.password must be a text/);
    refuses({ hosts: 'h1', auth: 'a:sesame' }, /^(?!.*sesame).*auth must be \{ username/);
  });

  it('refuses TLS that cannot be used', () => {
    refuses({ hosts: 'h1', tls: { cert: 'x' } }, /tls.cert and tls.key go together/);
    refuses({ hosts: 'h1', tls: { ca: 7 } }, /tls.ca must be PEM as text or a Buffer, got 7/);
    refuses({ hosts: 'h1', tls: { cert: 'x', key: 'y' } }, /tls is not usable: /);
    refuses({ hosts: 'h1', tls: null }, /tls must be an object, got null/);
  });
});
