import type { Client } from '@org/rpc';
import { type NodeMessage, tellStage } from './messages.js';

/** Passes on what the client says of its nodes and of its registry, as it happens. */
export function tellOfNodes(client: Client): void {
  const tell = (kind: NodeMessage['kind'], address: string, reason?: string): void => {
    tellStage({ kind, address, reason, at: Date.now() });
  };
  client.on('endpointUp', ({ endpoint }) => tell('up', endpoint));
  client.on('endpointDown', ({ endpoint, reason }) => tell('down', endpoint, reason));
  client.on('endpointRemoved', ({ endpoint }) => tell('removed', endpoint));
  client.on('breakerOpened', ({ endpoint }) => tell('breakerOpened', endpoint));
  client.on('breakerClosed', ({ endpoint }) => tell('breakerClosed', endpoint));
  client.on('registry', ({ message }) => tellStage({ kind: 'registry', message }));
}
