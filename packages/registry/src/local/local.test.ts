import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registryContract } from '@org/rpc-testkit';
import { startLocalOwner } from '../../test/local-owner.js';
import { quickClock } from '../../test/quick-clock.js';
import { local } from './local.js';

registryContract(
  'local',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-local-'));
    return {
      create: () => local({ directory }),
      clock: quickClock,
      startOwner: (instance, namespace) => startLocalOwner(directory, namespace, instance),
      async loseEntries() {
        for (const namespace of await readdir(directory)) await rm(join(directory, namespace), { recursive: true });
      },
      // A directory that others may write to is not used, whoever runs this.
      beginOutage: () => chmod(directory, 0o777),
      endOutage: () => chmod(directory, 0o700),
      close: () => rm(directory, { recursive: true }),
    };
  },
  { covers: ['deadOwner', 'lostEntries', 'outage'], deadReason: 'dead' },
);

describe('local()', () => {
  it('refuses a directory that is not absolute, naming it', () => {
    assert.throws(() => local({ directory: 'here' }), /local: directory must be an absolute path, got "here"/);
    assert.throws(() => local({ directory: '' }), TypeError);
  });

  it('refuses an option that it does not know', () => {
    assert.throws(() => local({ dir: '/tmp' } as never), /local: unknown option "dir"; did you mean/);
  });

  it('shows its directory', () => {
    assert.equal(local({ directory: '/run/shop/' }).display, 'local:/run/shop/');
  });
});
