import { systemClock } from '@org/rpc-core';
import type { Instance, Registry } from '@org/rpc-registry';
import { type MortalOwner, type RegistryContractSetup, registryContract, rulesContract } from '@org/rpc-testkit';
import { createEtcdConnector } from '../src/client/etcd-client.js';
import { etcd, openEtcdRegistry } from '../src/etcd-registry.js';
import { formatInstanceValue } from '../src/instances/instance-value.js';
import { createServiceKeys } from '../src/keys.js';
import { resolveEtcdOptions } from '../src/options.js';
import { DEFAULT_TIMING } from '../src/timing.js';
import { type EtcdServer, startEtcd } from './etcd-fixture.js';

describe('a real etcd', () => {
  let server: EtcdServer;
  let setups = 0;

  before(async () => {
    server = await startEtcd();
  });

  after(() => server.stop());

  /** An outage is over in a moment here, so the waits between tries are shorter than in earnest. */
  const backoff = { baseMs: 100, maxMs: 300, resetAfterMs: 120_000 };
  const timing = { ...DEFAULT_TIMING, listBackoff: backoff, watchBackoff: backoff, registrationBackoff: backoff };

  async function setup(): Promise<RegistryContractSetup> {
    const prefix = `contract-${++setups}`;
    const options = resolveEtcdOptions({ hosts: server.url, prefix });
    const connect = createEtcdConnector({ clock: systemClock });
    return {
      create: (): Registry => ({
        ...etcd({ hosts: server.url, prefix }),
        open: (environment) => openEtcdRegistry(options, environment, connect, timing),
      }),
      startOwner: (instance, namespace) => startOwner(server, createServiceKeys(prefix, namespace), instance),
      loseEntries: async () => void (await server.ctl('del', '--prefix', `/${prefix}/`)),
      beginOutage: () => server.kill('SIGKILL'),
      endOutage: () => server.restart(),
      close: async () => void (await server.ctl('del', '--prefix', `/${prefix}/`)),
    };
  }

  rulesContract('etcd', async () => {
    const prefix = `rules-${++setups}`;
    const close = async (): Promise<void> => void (await server.ctl('del', '--prefix', `/${prefix}/`));
    return { registry: etcd({ hosts: server.url, prefix }), close };
  });

  registryContract('etcd', setup, { covers: ['deadOwner', 'lostEntries', 'outage'] });
});

/** An owner of a lease of its own; when it is revoked, etcd does what it does when a lease runs out. */
async function startOwner(
  server: EtcdServer,
  keys: ReturnType<typeof createServiceKeys>,
  { services, endpoint }: Instance,
): Promise<MortalOwner> {
  const granted = await server.ctl('lease', 'grant', '60');
  const lease = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? '';
  for (const service of services) {
    await server.ctl('put', `--lease=${lease}`, keys.instanceKey(service, endpoint.id), formatInstanceValue(endpoint));
  }
  return { kill: async () => void (await server.ctl('lease', 'revoke', lease)) };
}
