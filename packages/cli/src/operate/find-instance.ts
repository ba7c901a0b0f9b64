import { type Endpoint, endpointAddress } from '@org/rpc-registry';
import { CliError } from '../cli-error.js';
import { nearest } from '../options/nearest.js';
import type { OpenRegistry } from '../registry.js';

/** An instance and what it is registered for. */
export interface FoundInstance {
  readonly endpoint: Endpoint;
  readonly services: readonly string[];
}

/**
 * Looks an instance up, whatever it serves.
 * @param word - its id or its address
 * @throws CliError when there is none, or more than one at that address
 */
export async function findInstance(open: OpenRegistry, word: string): Promise<FoundInstance> {
  const found = new Map<string, { endpoint: Endpoint; services: string[] }>();
  const names = new Set<string>();
  for (const service of await open.services()) {
    const { endpoints } = await open.snapshot(service);
    for (const endpoint of endpoints) {
      names.add(endpoint.id).add(endpointAddress(endpoint));
      if (endpoint.id !== word && endpointAddress(endpoint) !== word) continue;
      const known = found.get(endpoint.id);
      if (known === undefined) found.set(endpoint.id, { endpoint, services: [service] });
      else known.services.push(service);
    }
  }
  const [first, ...others] = found.values();
  if (first === undefined) {
    const close = nearest(word, names);
    const hint = close === undefined ? 'rpc ls <service> lists them' : `did you mean ${close}?`;
    throw new CliError(`no instance ${word} is in ${open.registry.display}; ${hint}`);
  }
  if (others.length > 0)
    throw new CliError(`several instances are at ${word}; say which: ${[...found.keys()].slice(0, 10).join(', ')}`);
  return first;
}
