import type { Endpoint } from './endpoint.js';
import type { GoneReason, Snapshot, Watch } from './registry.js';
import { nextSnapshot, sameSnapshot, staleSnapshot } from './snapshot.js';

/** What a source knows of one service now. */
export interface ServiceView {
  /** The whole list, frozen endpoints in any order. */
  readonly endpoints: Iterable<Endpoint>;
  /** Why an endpoint is not listed that was. */
  reasonOf(id: string): GoneReason;
  /** False when it is the last list of a source that can't be reached (default true). */
  readonly fresh?: boolean | undefined;
}

/** The watches of one registry handle, each with the snapshots that it was given. */
export interface WatchList {
  /** Adds a watch; it is published nothing until the next `offer` or `offerStale`. */
  add(service: string, publish: (snapshot: Snapshot) => void): Watch;
  /** The services that are watched. */
  services(): Iterable<string>;
  /** Tells the watches of a service what is known now; those that know it already are not bothered. */
  offer(service: string, view: ServiceView): void;
  /** Tells every watch that has a list that the source can't be reached. */
  offerStale(): void;
  /** Ends all watches. Idempotent. */
  close(): void;
}

interface Watcher {
  readonly publish: (snapshot: Snapshot) => void;
  /** The last one made for it, published or about to be: the next one is the difference to it. */
  last: Snapshot | undefined;
  readonly queue: Snapshot[];
  scheduled: boolean;
  closed: boolean;
}

/**
 * Makes an empty list. It keeps the promises of `RegistryHandle.watch`: snapshots are published in order, from a later
 * microtask, one at a time, and never after the watch was closed.
 */
export function createWatchList(): WatchList {
  const watchers = new Map<string, Set<Watcher>>();
  return {
    add(service, publish) {
      const watcher: Watcher = { publish, last: undefined, queue: [], scheduled: false, closed: false };
      const siblings = watchers.get(service) ?? new Set();
      watchers.set(service, siblings.add(watcher));
      return {
        close() {
          watcher.closed = true;
          siblings.delete(watcher);
          if (siblings.size === 0 && watchers.get(service) === siblings) watchers.delete(service);
        },
      };
    },
    services: () => watchers.keys(),
    offer(service, view) {
      for (const watcher of watchers.get(service) ?? []) {
        const snapshot = nextSnapshot(view.endpoints, watcher.last, view.reasonOf);
        enqueue(watcher, view.fresh === false ? Object.freeze({ ...snapshot, fresh: false }) : snapshot);
      }
    },
    offerStale() {
      for (const siblings of watchers.values()) {
        for (const watcher of siblings) {
          if (watcher.last !== undefined) enqueue(watcher, staleSnapshot(watcher.last));
        }
      }
    },
    close() {
      for (const siblings of watchers.values()) for (const watcher of siblings) watcher.closed = true;
      watchers.clear();
    },
  };
}

function enqueue(watcher: Watcher, snapshot: Snapshot): void {
  if (sameSnapshot(snapshot, watcher.last)) return;
  watcher.last = snapshot;
  watcher.queue.push(snapshot);
  if (watcher.scheduled) return;
  watcher.scheduled = true;
  queueMicrotask(() => deliver(watcher));
}

function deliver(watcher: Watcher): void {
  for (let snapshot = watcher.queue.shift(); snapshot !== undefined; snapshot = watcher.queue.shift()) {
    if (watcher.closed) break;
    try {
      watcher.publish(snapshot);
    } catch (error) {
      // A mistake of one watcher must neither stop its source, which all others share, nor go unseen.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
  watcher.scheduled = false;
}
