import type { Call, RulesDocument } from '@org/rpc-core';
import { type Endpoint, endpointAddress } from '@org/rpc-registry';

/** The weight that a document wants for an endpoint: by its id, else by its address. */
export function wantedWeight(document: RulesDocument, endpoint: Endpoint): number | undefined {
  const endpoints = document.weight?.endpoints;
  return endpoints?.[endpoint.id] ?? endpoints?.[endpointAddress(endpoint)];
}

/** What a dark rule would have changed in the choice of the node; `undefined` when nothing. */
export function judgeWeight({ destination }: Call, document: RulesDocument): string | undefined {
  const endpoint = (destination as { readonly endpoint?: Endpoint } | undefined)?.endpoint;
  if (endpoint === undefined) return undefined;
  const weight = wantedWeight(document, endpoint);
  const isOther = weight !== undefined && weight !== endpoint.weight;
  return isOther ? `${endpointAddress(endpoint)} would have had the weight ${weight}` : undefined;
}
