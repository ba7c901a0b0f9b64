import assert from 'node:assert/strict';
import { EtcdError, type EtcdErrorKind } from './etcd-port.js';
import { etcdErrorOf } from './grpc-error.js';

describe('etcdErrorOf', () => {
  const kindOf = (error: unknown): EtcdErrorKind => etcdErrorOf(error, 'etcd h1').kind;

  it('types the errors of a stream by their code', () => {
    const withCode = (code: number): Error => Object.assign(new Error(`${code}`), { code });
    const kinds = [1, 4, 7, 8, 13, 14, 16, 2, 99].map((code) => kindOf(withCode(code)));
    const expected = ['unavailable', 'deadline', 'denied', 'exhausted', 'unavailable', 'unavailable', 'denied'];
    assert.deepEqual(kinds, [...expected, 'other', 'other']);
  });

  it('types what etcd says by its text, whatever the code', () => {
    const texts: [string, EtcdErrorKind][] = [
      ['etcdserver: requested lease not found', 'leaseNotFound'],
      ['11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted', 'compacted'],
      ['etcdserver: mvcc: database space exceeded', 'exhausted'],
      ['etcdserver: permission denied', 'denied'],
      ['etcdserver: invalid auth token', 'denied'],
      ['etcdserver: authentication failed, invalid user ID or password', 'unauthenticated'],
      ['3 INVALID_ARGUMENT: etcdserver: user name is empty', 'denied'],
    ];
    for (const [text, kind] of texts) assert.equal(kindOf(new Error(text)), kind, text);
  });

  it('says where it happened', () => {
    assert.equal(etcdErrorOf(new Error('no'), 'etcd h1').message, 'etcd h1: no');
  });

  it('shows the password nowhere', () => {
    const error = etcdErrorOf(new Error('login as admin:sesame failed for sesame'), 'etcd h1', 'sesame');
    assert.equal(error.message, 'etcd h1: login as admin:*** failed for ***');
    assert.equal(error.cause, undefined);
  });

  it('leaves alone what is typed already, and takes anything that can be thrown', () => {
    const typed = new EtcdError('deadline', 'late');
    assert.equal(etcdErrorOf(typed, 'etcd h1'), typed);
    assert.equal(etcdErrorOf('text', 'etcd h1').message, 'etcd h1: text');
    assert.equal(kindOf(undefined), 'other');
  });
});
