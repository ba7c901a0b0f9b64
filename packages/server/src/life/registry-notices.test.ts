import assert from 'node:assert/strict';
import type { RegistryEvent } from '@org/rpc-registry';
import { createRegistryNotices } from './registry-notices.js';

describe('what a server says of its registry when nobody listens', () => {
  function said(...events: readonly [RegistryEvent['kind'], string?][]): string[] {
    const lines: string[] = [];
    const notices = createRegistryNotices('shop-1', (line) => void lines.push(line));
    for (const [kind, message = 'x'] of events) notices.hear({ kind, message });
    return lines;
  }

  it('is one line when it cannot be registered, and one when it can again', () => {
    assert.deepEqual(
      said(['unreachable', 'etcd: refused'], ['unreachable'], ['recovered', 'etcd answers'], ['registered']),
      [
        '[rpc] server shop-1 cannot be registered: etcd: refused\n',
        '[rpc] server shop-1 is in touch with its registry again: etcd answers\n',
      ],
    );
  });

  it('is one line for two servers of one name, however often they quarrel', () => {
    assert.deepEqual(said(['registered'], ['conflict', 'written by another process'], ['conflict'], ['registered']), [
      '[rpc] server shop-1 is not the only one of its name: written by another process\n',
      '[rpc] server shop-1 is registered again\n',
    ]);
  });

  it('is nothing while all is well, and nothing of what mends itself', () => {
    assert.deepEqual(said(['registered'], ['lost'], ['registered'], ['invalidEntry'], ['recovered']), []);
  });
});
