import assert from 'node:assert/strict';
import { etcdFromString, parseEtcdString } from './etcd-string.js';

describe('etcdFromString', () => {
  it('reads hosts, login and prefix', () => {
    assert.deepEqual(parseEtcdString('etcd://user:pass@h1:2379,h2:2380/apps/rpc'), {
      hosts: ['http://h1:2379', 'http://h2:2380'],
      auth: { username: 'user', password: 'pass' },
      prefix: 'apps/rpc',
    });
  });

  it('reads a single host', () => {
    assert.deepEqual(parseEtcdString('etcd://127.0.0.1:2379'), { hosts: ['http://127.0.0.1:2379'] });
    assert.deepEqual(parseEtcdString('etcd://[::1]:2379/'), { hosts: ['http://[::1]:2379'] });
  });

  it('takes etcds for TLS', () => {
    assert.deepEqual(parseEtcdString('etcds://h1'), { hosts: ['https://h1'] });
    assert.equal(etcdFromString('etcds://h1').display, 'etcds://h1:2379');
  });

  it('decodes a login, and ends it at the last @', () => {
    const { auth } = parseEtcdString('etcd://us%3Aer:p%40ss:w%2Frd@h1');
    assert.deepEqual(auth, { username: 'us:er', password: 'p@ss:w/rd' });
  });

  it('makes a registry that does not show the login', () => {
    const { display } = etcdFromString('etcd://user:sesame@h1:2379,h2/apps');
    assert.equal(display, 'etcd://h1:2379,h2:2379/apps');
  });

  it('refuses what is no such string and shows nothing before the @', () => {
    const wrong = [
      '',
      'etcd',
      'etcd:',
      'etcd://',
      'http://h1',
      'etcd://a:sesame@',
      'etcd://h1?ttl=5',
      'etcd://sesame@h1',
    ];
    for (const text of [...wrong, 'etcd://a:%zz-sesame@h1', 'etcd://a/sesame@h1', 'etcd://h1,,h2', 'etcd://h1/a b']) {
      assert.throws(() => etcdFromString(text), { name: 'TypeError', message: /^(?!.*sesame).*etcd: / }, text);
    }
  });
});
