import assert from 'node:assert/strict';
import { decodeEntry, encodeEntry, entryFileName, type LocalEntry, safeFileName } from './local-entry.js';

const entry: LocalEntry = {
  instance: {
    services: ['greeter'],
    endpoint: { id: 'one', host: '::1', port: 1, weight: 7, tags: { a: '\u00e4"\\' }, state: 'draining' },
  },
  owner: { pid: 7, startedAt: '1 boot', machine: 'here' },
  token: 'token',
  left: true,
};

describe('the file of a local entry', () => {
  it('says what was written', () => {
    assert.deepEqual(decodeEntry(Buffer.from(encodeEntry(entry))), entry);
  });

  it('is read as not having left when it does not say so', () => {
    const { left, ...rest } = JSON.parse(encodeEntry(entry)) as LocalEntry;
    assert.equal(left, true);
    assert.equal(decodeEntry(Buffer.from(JSON.stringify(rest))).left, false);
  });

  for (const [name, expected] of [
    ['one-2_x.y', 'one-2_x.y'],
    ['..', '%2e.'],
    ['a/b', 'a%2fb'],
    ['a%2fb', 'a%252fb'],
    ['A', '%41'],
    ['\u00e4\ud83d\ude00', '%c3%a4%f0%9f%98%80'],
    ['a\\b:c', 'a%5cb%3ac'],
  ] as const) {
    it(`is called ${expected} for ${JSON.stringify(name)}`, () => {
      assert.equal(safeFileName(name), expected);
      assert.equal(entryFileName(name), `${expected}.json`);
    });
  }

  it('has a name that file systems take, and its own, however long the id is', () => {
    const names = ['x', 'y'].map((last) => entryFileName('/'.repeat(199) + last));
    assert.ok(names.every((name) => name.length < 100));
    assert.notEqual(names[0], names[1]);
  });
});
