import assert from 'node:assert/strict';
import type { EndpointState } from '../endpoint.js';
import { type Owner, thisProcess } from './local-owner.js';
import type { Scan, ScannedEntry } from './local-scan.js';
import { viewOf } from './local-view.js';

const SELF = thisProcess();
const DEAD = { ...SELF, startedAt: '1 of another boot' };

describe('what a scan of a local registry says of a service', () => {
  it('is the live instances that have the service', () => {
    const scan = scanOf(
      ['up', entryOf('live', {})],
      ['other', entryOf('live', { service: 'mailer' })],
      ['gone', entryOf('left', {})],
      ['killed', entryOf('dead', {})],
    );
    assert.deepEqual(
      [...viewOf('greeter', scan, undefined).endpoints].map(({ id }) => id),
      ['up'],
    );
  });

  const before = entryOf('live', {});
  const cases: readonly [what: string, before: ScannedEntry, now: ScannedEntry | undefined, reason: string][] = [
    ['said goodbye', before, entryOf('left', {}), 'left'],
    ['has a dead process', before, entryOf('dead', {}), 'dead'],
    ['gave up the service', before, entryOf('live', { service: 'mailer' }), 'left'],
    ['lost its file while its process runs', before, undefined, 'unknown'],
    ['lost its file while it was draining', entryOf('live', { state: 'draining' }), undefined, 'left'],
    ['lost its file to another reader, its process being dead', entryOf('live', { owner: DEAD }), undefined, 'dead'],
  ];
  for (const [what, earlier, now, reason] of cases) {
    it(`is "${reason}" of an instance that ${what}`, () => {
      const scan = now === undefined ? scanOf() : scanOf(['one', now]);
      assert.equal(viewOf('greeter', scan, scanOf(['one', earlier])).reasonOf('one'), reason);
    });
  }
});

function scanOf(...entries: readonly (readonly [id: string, entry: ScannedEntry])[]): Scan {
  return new Map(
    entries.map(([id, { entry, state }]) => {
      const endpoint = { ...entry.instance.endpoint, id };
      return [id, { state, entry: { ...entry, instance: { ...entry.instance, endpoint } } }];
    }),
  );
}

function entryOf(
  state: ScannedEntry['state'],
  { service = 'greeter', owner = SELF, ...changes }: { service?: string; owner?: Owner; state?: EndpointState },
): ScannedEntry {
  const endpoint = { id: 'one', host: 'h', port: 1, weight: 100, state: 'up', ...changes } as const;
  return {
    state,
    entry: { instance: { services: [service], endpoint }, owner, token: 'token', left: state === 'left' },
  };
}
