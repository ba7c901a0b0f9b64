import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Decoder, Encoder } from './msgpack-internals.js';

describe('members of @msgpack/msgpack that the codec relies on', () => {
  it('are those of the one version that is pinned', () => {
    const manifest = createRequire(import.meta.url)('../../package.json') as { dependencies: Record<string, string> };
    assert.equal(manifest.dependencies['@msgpack/msgpack'], '3.1.3');
  });

  it('are all there in the decoder', () => {
    const decoder = new Decoder({ mapKeyConverter: String }) as unknown as Record<string, unknown>;
    for (const field of ['bytes', 'view', 'pos', 'headByte', 'stack']) assert.ok(field in decoder, field);
    assert.equal(decoder['headByte'], -1);
    const methods = ['doDecodeSync', 'pushArrayState', 'pushMapState', 'decodeUtf8String', 'decodeBinary'];
    methods.push('decodeExtension', 'stateIsMapKey', 'readU64', 'readI64');
    for (const method of methods) assert.equal(typeof decoder[method], 'function', method);
    const stack = decoder['stack'] as Record<string, unknown>;
    assert.equal(stack['length'], 0);
    for (const method of ['top', 'pushArrayState', 'pushMapState', 'reset']) {
      assert.equal(typeof stack[method], 'function', method);
    }
  });

  it('are all there in the encoder', () => {
    const encoder = new Encoder({ initialBufferSize: 1 }) as unknown as Record<string, unknown>;
    for (const field of ['bytes', 'view', 'pos']) assert.ok(field in encoder, field);
    const methods = [
      'doEncode',
      'encodeNumber',
      'encodeNumberAsFloat',
      'encodeBigInt64',
      'encodeString',
      'encodeObject',
    ];
    methods.push('encodeArray', 'encodeMap', 'encodeBinary', 'encodeExtension', 'ensureBufferSizeToWrite');
    methods.push('writeU8', 'writeU16', 'writeU32', 'writeU8a');
    for (const method of methods) assert.equal(typeof encoder[method], 'function', method);
  });
});
