import assert from 'node:assert/strict';
import { withoutPassword } from './connection-options.js';

describe('withoutPassword', () => {
  it('hides user and password and leaves the rest', () => {
    assert.equal(withoutPassword('etcd://user:pass@10.0.0.1:2379/prefix'), 'etcd://***@10.0.0.1:2379/prefix');
    assert.equal(withoutPassword('etcd://user:p@ss@h:1'), 'etcd://***@h:1');
    assert.equal(withoutPassword('direct://10.0.0.1:4399'), 'direct://10.0.0.1:4399');
    assert.equal(withoutPassword('local:/run/rpc'), 'local:/run/rpc');
  });
});
