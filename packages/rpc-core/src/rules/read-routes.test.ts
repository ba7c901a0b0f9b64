import assert from 'node:assert/strict';
import { readRules } from './read-rules.js';

const FULL = {
  name: 'canary',
  match: {
    methods: ['buy'],
    metadata: { group: ['beta', 'staff'], country: 'nz' },
    shards: { by: { metadata: 'tenant' }, of: 16, in: [0, 15] },
  },
  share: 12.25,
  by: 'hashKey',
  to: { tags: { version: '2' }, zone: 'a', instances: ['i1', '10.0.0.7:4399'] },
  otherwise: 'none',
};

function read(routes: unknown) {
  return readRules({ schemaVersion: 1, version: 1, route: { mode: 'on', routes } }).route?.routes;
}

describe('the routes of a document', () => {
  it('are taken with everything, and with a name alone', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(read([FULL, { name: 'rest' }]))), [FULL, { name: 'rest' }]);
  });

  it('cannot be changed', () => {
    const [route] = read([structuredClone(FULL)])!;
    for (const part of [route, route!.match, route!.match!.metadata, route!.match!.shards!.in, route!.to!.tags])
      assert.ok(Object.isFrozen(part));
  });

  const WRONG: Readonly<Record<string, readonly [routes: unknown, problem: RegExp]>> = {
    'no list': [{}, /rules: route\.routes must be a list of at most 100/],
    'too many': [new Array(101).fill({ name: 'a' }), /route\.routes must be a list of at most 100/],
    'no name': [[{}], /rules: route\.routes\.0\.name must be 1 to 500 characters of plain text, got undefined/],
    'a name twice': [[{ name: 'a' }, { name: 'a' }], /route\.routes\.1\.name must be unique among the routes, got "a"/],
    'an unknown field': [[{ name: 'a', shares: 1 }], /route\.routes\.0: unknown option "shares"; did you mean "share"/],
    'too large a share': [[{ name: 'a', share: 101 }], /share must be a number from 0 to 100, got 101/],
    'three decimals': [[{ name: 'a', share: 0.125 }], /share must be a number with at most two decimals/],
    'no key': [
      [{ name: 'a', by: 'user' }],
      /by must be \{ metadata: name \}, \{ argument: number \} or "hashKey", got "user"/,
    ],
    'two keys': [[{ name: 'a', by: { metadata: 'a', argument: 0 } }], /by must be \{ metadata: name \}/],
    'a number as a tag': [
      [{ name: 'a', to: { tags: { version: 2 } } }],
      /to\.tags\.version must be 1 to 500 characters/,
    ],
    'a shard that is none': [
      [{ name: 'a', match: { shards: { by: 'hashKey', of: 4, in: [4] } } }],
      /match\.shards\.in\.0 must be an integer from 0 to 3, got 4/,
    ],
    'a number as metadata': [[{ name: 'a', match: { metadata: { a: 1 } } }], /match\.metadata\.a must be 1 to 500/],
    'another otherwise': [[{ name: 'a', otherwise: 'some' }], /otherwise must be "any" or "none", got "some"/],
  };
  for (const [name, [routes, problem]] of Object.entries(WRONG)) {
    it(`are refused with ${name}`, () => assert.throws(() => read(routes), problem));
  }
});
