import assert from 'node:assert/strict';
import { NO_SEARCH, parseSearchList, searchNames } from './dns-search.js';

describe('the search list of resolv.conf', () => {
  it('is read as Kubernetes writes it', () => {
    const text =
      'nameserver 10.96.0.10\nsearch prod.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n';
    const domains = ['prod.svc.cluster.local', 'svc.cluster.local', 'cluster.local'];
    assert.deepEqual(parseSearchList(text), { domains, ndots: 5 });
  });

  it('is the last one, of at most six domains without a final dot, and no comment', () => {
    const text = '# search x\nsearch a b\r\n domain c.\nsearch 1. 2 3 4 5 6 7\noptions timeout:1 ndots:99';
    assert.deepEqual(parseSearchList(text), { domains: ['1', '2', '3', '4', '5', '6'], ndots: 15 });
  });

  it('is empty for an empty file, and for binary', () => {
    assert.deepEqual(parseSearchList(''), NO_SEARCH);
    assert.deepEqual(parseSearchList('search \0 ../x a/b -\noptions ndots:x'), NO_SEARCH);
  });
});

describe('searchNames()', () => {
  const list = { domains: ['svc', 'local'], ndots: 2 };

  it('tries a name of few dots completed first, and one of many dots as it is first', () => {
    assert.deepEqual(searchNames('users.prod', list), ['users.prod.svc', 'users.prod.local', 'users.prod']);
    assert.deepEqual(searchNames('a.b.c', list), ['a.b.c', 'a.b.c.svc', 'a.b.c.local']);
  });

  it('takes a name with a final dot as it is', () => {
    assert.deepEqual(searchNames('users.', list), ['users']);
  });
});
