import assert from 'node:assert/strict';
import { errorFromValue } from './message-pack-rpc.js';

describe('the error of a MessagePack-RPC answer', () => {
  const shown: readonly [name: string, value: unknown, code: string, reason: string][] = [
    ['a text', 'no such user', 'UNKNOWN', 'no such user'],
    ['bytes', Buffer.from('no such user'), 'UNKNOWN', 'no such user'],
    ['a text with one of our codes', 'NOT_FOUND: no such user', 'NOT_FOUND', 'no such user'],
    ["Neovim's array of type and text", [1, 'no such user'], 'UNKNOWN', 'no such user'],
    ['an array with the text elsewhere', ['no such user', 404], 'UNKNOWN', 'no such user'],
    ['a map with a message', { code: 404, message: 'no such user' }, 'UNKNOWN', 'no such user'],
    ['a map with another key', { id: 404, msg: 'no such user' }, 'UNKNOWN', 'no such user'],
    ['a map with keys that are no texts', new Map<unknown, unknown>([[1, 'no such user']]), 'UNKNOWN', 'no such user'],
  ];
  for (const [name, value, code, reason] of shown) {
    it(`shows the text of ${name}`, () => {
      const error = errorFromValue(value);
      assert.deepEqual([error.code, error.reason, error.details], [code, reason, value]);
    });
  }

  it('says where to look when there is no text in it', () => {
    assert.match(errorFromValue({ code: 7, parts: [1, 2] }).reason, /no text; see details/);
    assert.match(errorFromValue([]).reason, /no text; see details/);
    assert.match(errorFromValue(42).reason, /no text; see details/);
  });
});
