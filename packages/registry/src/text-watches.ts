import type { Watch } from './registry.js';

/** Hears of the text of a document; `undefined` when there is none. */
export type PublishText = (text: string | undefined) => void;

/** The watches of documents in one registry handle. */
export interface TextWatches {
  /** Adds a watch; it hears nothing until the next `offer`. */
  add(name: string, publish: PublishText): Watch;
  /** Whether anybody watches a name. */
  has(name: string): boolean;
  /** The names that are watched. */
  names(): Iterable<string>;
  /** Tells the watches of a name what is there now; those that know it already are not bothered. */
  offer(name: string, text: string | undefined): void;
  /** Ends all watches. Idempotent. */
  close(): void;
}

interface Watcher {
  readonly publish: PublishText;
  /** What it was told last, and what it is to be told: both `undefined` at first. */
  told: { readonly text: string | undefined } | undefined;
  next: { readonly text: string | undefined } | undefined;
  isClosed: boolean;
}

/** Makes an empty list. Watches are told from a later microtask, and of several changes within one moment only the last. */
export function createTextWatches(): TextWatches {
  const watchers = new Map<string, Set<Watcher>>();
  return {
    add(name, publish) {
      const watcher: Watcher = { publish, told: undefined, next: undefined, isClosed: false };
      const siblings = watchers.get(name) ?? new Set();
      watchers.set(name, siblings.add(watcher));
      return {
        close() {
          watcher.isClosed = true;
          siblings.delete(watcher);
          if (siblings.size === 0 && watchers.get(name) === siblings) watchers.delete(name);
        },
      };
    },
    has: (name) => watchers.has(name),
    names: () => [...watchers.keys()],
    offer(name, text) {
      for (const watcher of watchers.get(name) ?? []) {
        const isScheduled = watcher.next !== undefined;
        watcher.next = { text };
        if (!isScheduled) queueMicrotask(() => tell(watcher));
      }
    },
    close() {
      for (const siblings of watchers.values()) for (const watcher of siblings) watcher.isClosed = true;
      watchers.clear();
    },
  };
}

function tell(watcher: Watcher): void {
  const { told, next } = watcher;
  watcher.next = undefined;
  if (watcher.isClosed || next === undefined || (told !== undefined && told.text === next.text)) return;
  watcher.told = next;
  try {
    watcher.publish(next.text);
  } catch (error) {
    // A mistake of one watcher must neither stop its source, which all others share, nor go unseen.
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
