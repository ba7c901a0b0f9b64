import assert from 'node:assert/strict';
import { describeNodeError } from './node-error.js';

const nodeError = (message: string, code?: string): Error => Object.assign(new Error(message), { code });

describe('describeNodeError', () => {
  it('says what a code means, keeps the code and has the original as its cause', () => {
    const original = nodeError('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED');
    const described = describeNodeError(original, 'dial a:1');
    assert.equal(described.message, 'dial a:1: connection refused: nothing listens there (ECONNREFUSED)');
    assert.deepEqual([described.code, described.cause], ['ECONNREFUSED', original]);
  });

  it('tells what to do about too many files', () => {
    assert.match(describeNodeError(nodeError('x', 'EMFILE')).message, /^too many open files .*ulimit -n/);
  });

  it('passes on what it does not know', () => {
    assert.equal(describeNodeError(nodeError('odd thing', 'EODD')).message, 'odd thing (EODD)');
    const plain = describeNodeError(nodeError('plain'), 'here');
    assert.equal(plain.message, 'here: plain');
    assert.equal('code' in plain, false);
  });
});
