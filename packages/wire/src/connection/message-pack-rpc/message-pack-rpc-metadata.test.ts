import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { hex } from '../../../test/codec-helpers.js';
import { message } from '../../../test/message-pack-rpc-peer.js';
import { messagePackRpcRig as rig } from '../../../test/message-pack-rpc-rig.js';
import { readLeadingMetadata } from '../../frames/message-pack-rpc.js';

const ECHOED = [1, 1, null, 'hi'];

describe('metadata as the first parameter', () => {
  it('is taken off when the server was told so', async () => {
    const { peer, host, settle } = rig();
    host.self.metadataFirst = true;
    host.authorize = ({ metadata }) => {
      if (metadata['token'] !== 'abc') throw rpcError('UNAUTHENTICATED', 'who are you');
    };
    peer.send(message(0, 1, 'echo', [{ token: 'abc' }, 'hi']), message(0, 2, 'echo', [{}, 'hi']));
    await settle();
    assert.deepEqual(peer.messages, [ECHOED, [1, 2, 'UNAUTHENTICATED: who are you', null]]);
    assert.deepEqual(host.calls[0]?.args, ['hi']);
  });

  it('has any keys, and numbers and booleans as texts: peers of other languages send those', async () => {
    const { peer, host, settle } = rig();
    host.self.metadataFirst = true;
    const sent = { 'X-Request Id': 7, größe: 1.5, '': 'empty', big: 2n ** 60n, on: true };
    peer.send(message(0, 1, 'echo', [sent, 'hi']));
    await settle();
    assert.deepEqual(peer.messages, [ECHOED]);
    const texts = { 'X-Request Id': '7', größe: '1.5', '': 'empty', big: String(2n ** 60n), on: 'true' };
    assert.deepEqual({ ...host.calls[0]?.metadata }, texts);
  });

  it('has numbers as keys as well', async () => {
    const { peer, host, settle } = rig();
    host.self.metadataFirst = true;
    peer.send(hex('94 00 01 a4 6563686f 92 82 07 a1 61 a1 62 08 a2 6869'));
    await settle();
    assert.deepEqual(peer.messages, [ECHOED]);
    assert.deepEqual({ ...host.calls[0]?.metadata }, { 7: 'a', b: '8' });
  });

  it('is read as well where the decoder makes a Map of it, each key once', () => {
    const read = (value: unknown) => readLeadingMetadata(() => value, hex('91 80'), 0, 2, DEFAULT_LIMITS);
    const metadata = read(
      new Map<unknown, unknown>([
        [1, 'a'],
        [true, 2],
      ]),
    );
    assert.deepEqual({ ...metadata }, { 1: 'a', true: '2' });
    const twice = new Map<unknown, unknown>([
      [1, 'a'],
      ['1', 'b'],
    ]);
    assert.throws(() => read(twice), /the key "1" occurs twice/);
  });

  for (const [name, params] of [
    ['no parameters', []],
    ['a text', ['hi']],
    ['a map of other things', [{ a: [1] }]],
    ['a key with control characters', [{ 'a\nb': 'x' }]],
    ['a value with control characters', [{ a: 'x\n' }]],
    ['more keys than it may have', [Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, '']))]],
    ['more than it may be', [{ a: 'x'.repeat(20_000) }]],
    ['a map with a key that is an array', [new Map([[['a'], 'b']])]],
    ['no array', {}],
  ] as const) {
    it(`must be a map of texts within the limits, not ${name}`, async () => {
      const { peer, host, settle } = rig();
      host.self.metadataFirst = true;
      peer.send(message(0, 1, 'echo', params), message(0, 2, 'echo', [{}, 'hi']));
      await settle();
      assert.match(
        String((peer.messages[0] as unknown[])[2]),
        /^INVALID_ARGUMENT: the first parameter must be a map of texts/,
      );
      assert.deepEqual(peer.messages[1], [1, 2, null, 'hi']);
    });
  }
});
