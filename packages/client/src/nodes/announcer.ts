import type { Snapshot } from '@org/rpc-registry';
import type { ClientEvents, EndpointEvent } from '../events.js';
import type { Node } from './node.js';
import type { RosterObserver } from './roster.js';

/** Tells observers; typed by {@link ClientEvents}. */
export type Emit = <E extends keyof ClientEvents>(event: E, ...args: ClientEvents[E]) => void;

/** Reports the changes of the nodes of a service to observers, each change once. */
export class Announcer implements RosterObserver {
  readonly #service: string;
  readonly #emit: Emit;
  /** The nodes of which observers were told that they are up. */
  readonly #up = new Set<Node>();

  constructor(service: string, emit: Emit) {
    this.#service = service;
    this.#emit = emit;
  }

  /** Whether a node takes calls may have changed. */
  nodeChanged(node: Node): void {
    const wasUp = this.#up.has(node);
    if (node.isReady === wasUp) return;
    if (wasUp) {
      this.#up.delete(node);
      this.#emit('endpointDown', { ...this.#event(node), reason: node.downReason });
    } else {
      this.#up.add(node);
      this.#emit('endpointUp', this.#event(node));
    }
  }

  /** A list was applied, after which `known` nodes are known. */
  viewChanged(snapshot: Snapshot, known: number): void {
    const { fresh, endpoints } = snapshot;
    const remembered = snapshot.remembered === true;
    this.#emit('viewChanged', { service: this.#service, fresh, remembered, listed: endpoints.length, known });
  }

  // RosterObserver

  nodeAdded(node: Node): void {
    this.#emit('endpointAdded', this.#event(node));
  }

  nodeRemoved(node: Node): void {
    this.#emit('endpointRemoved', this.#event(node));
  }

  massVanished(unlisted: number, known: number): void {
    const message = `${unlisted} of ${known} endpoints of ${this.#service} vanished from the registry at once; those that answer are kept`;
    this.#emit('registry', { kind: 'lost', message, service: this.#service });
  }

  #event(node: Node): EndpointEvent {
    return { service: this.#service, instance: node.endpoint.id, endpoint: node.address };
  }
}
