import type { Client } from '@org/rpc';
import type { RegistryView } from './registry-view.js';
import { Probe } from './service.js';

/**
 * What a client and the registry disagree on with what is true, in words; `undefined` when nothing: the registry holds the
 * entries of the living servers and the canaries and no others, and each client has a fresh list of exactly these and a connection
 * to each living server.
 */
export async function disagreement(
  living: ReadonlySet<string>,
  canaries: ReadonlySet<string>,
  clients: readonly Client[],
  registry: RegistryView,
): Promise<string | undefined> {
  const expected = new Set([...living, ...canaries]);
  for (const client of clients) {
    const view = client.state().services[Probe.name];
    if (view === undefined || !view.fresh || view.remembered) return 'a client has no fresh list';
    const listed = view.nodes.filter((node) => node.listed);
    const said = differs(expected, new Set(listed.map(({ instance }) => instance)), 'a client');
    if (said !== undefined) return said;
    const away = listed.find(({ instance, connection }) => living.has(instance) && connection !== 'ready');
    if (away !== undefined) return `a client is not connected to ${away.instance}`;
  }
  return differs(expected, await registry.instances(), 'the registry');
}

function differs(living: ReadonlySet<string>, listed: ReadonlySet<string>, who: string): string | undefined {
  const missing = [...living].filter((id) => !listed.has(id)).length;
  const foreign = [...listed].filter((id) => !living.has(id)).length;
  return missing + foreign > 0
    ? `${who} lacks ${missing} of ${living.size} entries and has ${foreign} others`
    : undefined;
}

/** How many servers a client can call at this moment. */
export function readyCount(client: Client): number {
  return client.state().services[Probe.name]?.nodes.filter(({ connection }) => connection === 'ready').length ?? 0;
}
