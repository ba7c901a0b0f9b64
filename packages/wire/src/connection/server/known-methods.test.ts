import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import type { MethodEntry } from './incoming-call.js';
import { KnownMethods } from './known-methods.js';

/** A host of the given methods, such as `shop.buy`, that keeps what it was asked. */
function scene(...paths: readonly string[]) {
  const entries = paths.map((path): MethodEntry => {
    const [service = '', method = ''] = path.split('.');
    return { service, method };
  });
  const asked: string[] = [];
  const known = new KnownMethods<MethodEntry>({
    find(name, serviceLength = 0) {
      asked.push(`${name.slice(0, serviceLength)}.${name.slice(serviceLength)}`);
      const entry = entries.find(
        (each) => each.service + each.method === name && each.service.length === serviceLength,
      );
      return entry ?? rpcError('UNIMPLEMENTED', 'no such method');
    },
  });
  const find = (service: string, method: string): MethodEntry | undefined => {
    const bytes = Buffer.from(`..${service}${method}..`, 'latin1');
    const found = known.find(bytes, 2, bytes.length - 2, service.length);
    return 'code' in found ? undefined : found;
  };
  return { entries, asked, find };
}

describe('KnownMethods', () => {
  it('asks for a method once, whatever is called between', () => {
    const { entries, asked, find } = scene('shop.buy', 'shop.find');
    for (let i = 0; i < 3; i++) {
      assert.equal(find('shop', 'buy'), entries[0]);
      assert.equal(find('shop', 'find'), entries[1]);
    }
    assert.deepEqual(asked, ['shop.buy', 'shop.find']);
  });

  it('takes no name for another that reads the same or nearly so', () => {
    const { find } = scene('shop.buy');
    find('shop', 'buy');
    for (const [service, method] of [
      ['sho', 'pbuy'],
      ['shopb', 'uy'],
      ['shopbuy', ''],
      ['', 'shopbuy'],
      ['', ''],
      ['shop', 'b\u00f5y'],
      ['thop', 'buy'],
      ['shop', 'bty'],
      ['shop', 'buyy'],
    ] as const)
      assert.equal(find(service, method), undefined, `${service} ${method}`);
  });

  it('asks again for what does not exist: it may be added', () => {
    const { entries, asked, find } = scene();
    assert.equal(find('shop', 'buy'), undefined);
    entries.push({ service: 'shop', method: 'buy' });
    assert.equal(find('shop', 'buy'), entries[0]);
    assert.equal(asked.length, 2);
  });

  it('finds every method of many, also those that share a slot', () => {
    const paths = Array.from({ length: 100 }, (_, index) => `service${index % 7}.method${index}`);
    const { entries, find } = scene(...paths);
    for (let round = 0; round < 2; round++)
      for (const entry of entries) assert.equal(find(entry.service, entry.method), entry);
  });
});
