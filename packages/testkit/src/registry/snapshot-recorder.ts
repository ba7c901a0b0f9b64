import { systemClock } from '@org/rpc-core';
import type { RegistryHandle, Snapshot } from '@org/rpc-registry';

/** Every snapshot that one watch published, in order. */
export interface SnapshotRecorder {
  /** All of them so far; grows. */
  readonly snapshots: readonly Snapshot[];
  /**
   * Resolves with the first snapshot for which `accept` holds, at once when it was already published.
   *
   * @param accept - what is waited for
   * @param timeoutMs - 1 to 60,000, real milliseconds, default 5,000
   * @throws Error naming the service and the last snapshot when none came in time
   */
  until(accept: (snapshot: Snapshot) => boolean, timeoutMs?: number): Promise<Snapshot>;
  /** Ends the watch. Idempotent. */
  close(): void;
}

/**
 * Lets time pass for the registry, usually by advancing a fake clock. Called again and again while a test waits.
 */
export type Settle = () => Promise<void>;

interface Waiter {
  readonly accept: (snapshot: Snapshot) => boolean;
  readonly found: (snapshot: Snapshot) => void;
}

/** Watches a service and keeps what is published, so that a test waits for what it expects instead of sleeping. */
export function recordSnapshots(handle: RegistryHandle, service: string, settle?: Settle): SnapshotRecorder {
  const snapshots: Snapshot[] = [];
  const waiters = new Set<Waiter>();
  const watch = handle.watch(service, (snapshot) => {
    snapshots.push(snapshot);
    for (const waiter of waiters) {
      if (waiter.accept(snapshot)) waiter.found(snapshot);
    }
  });
  return {
    snapshots,
    until(accept, timeoutMs = 5_000) {
      const known = snapshots.find(accept);
      if (known !== undefined) return Promise.resolve(known);
      let waiter: Waiter | undefined;
      const published = new Promise<Snapshot>((found) => {
        waiter = { accept, found };
        waiters.add(waiter);
      });
      const explain = (): string =>
        `no such snapshot of "${service}"; the last was ${JSON.stringify(snapshots.at(-1))}`;
      return eventually(published, explain, settle, timeoutMs).finally(() => waiters.delete(waiter!));
    },
    close: () => watch.close(),
  };
}

/**
 * Watches a service until a snapshot is as expected.
 *
 * @param accept - what is waited for
 * @param timeoutMs - 1 to 60,000, real milliseconds, default 5,000
 * @param settle - moves a fake clock, when the registry runs on one
 * @throws Error naming the service and the last snapshot when none came in time
 */
export async function waitForSnapshot(
  handle: RegistryHandle,
  service: string,
  accept: (snapshot: Snapshot) => boolean,
  timeoutMs?: number,
  settle?: Settle,
): Promise<Snapshot> {
  const recorder = recordSnapshots(handle, service, settle);
  try {
    return await recorder.until(accept, timeoutMs);
  } finally {
    recorder.close();
  }
}

/**
 * Waits for a promise that may need a fake clock to move on, for a bounded time.
 *
 * @param explain - the text of the error, made when the time is up
 * @param timeoutMs - 1 to 60,000, real milliseconds, default 5,000
 * @throws Error with that text when the promise did not settle in time
 */
export async function eventually<T>(
  promise: Promise<T>,
  explain: () => string,
  settle?: Settle,
  timeoutMs = 5_000,
): Promise<T> {
  let over = false;
  let cancel: (() => void) | undefined;
  const expired = new Promise<never>((_, reject) => {
    cancel = systemClock.schedule(timeoutMs, () => reject(new Error(`after ${timeoutMs} ms: ${explain()}`)));
  });
  const moving = async (): Promise<never> => {
    while (!over && settle !== undefined) await settle();
    return new Promise<never>(() => {});
  };
  try {
    return await Promise.race([promise, expired, moving()]);
  } finally {
    over = true;
    cancel?.();
  }
}
