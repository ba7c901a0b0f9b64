import { assertKnownOptions } from '@org/rpc-core/internal';
import type { Endpoint } from '../endpoint.js';
import type { GoneReason, Registry, RegistryEnvironment, RegistryHandle, Snapshot, Watch } from '../registry.js';
import { SnapshotFile } from './snapshot-file.js';
import { createSnapshotFolder } from './snapshot-folder.js';
import { wrapHandle } from './wrap-handle.js';

/** Options of {@link remembered}. */
export interface RememberedOptions {
  /**
   * Absolute path of the folder of the files, made when it is missing. Default: `org-rpc/snapshots` in `XDG_CACHE_HOME`, or in
   * `.cache` of the home directory. It must belong to this user, and nobody else may write to it.
   */
  readonly directory?: string | undefined;
}

/**
 * Adds a memory to a registry: the last list of each service is kept in a file. A client that starts while the registry cannot be
 * reached gets that list until the registry answers. Registrations and rules pass through.
 *
 * Instances that vanished without a reason stay in the file for ten minutes more, since the registry may have lost them. The file
 * is not trusted: each instance is asked for its id before it is sent a call. A file that can't be read or written is reported as
 * an event, and the client works without it.
 *
 * @param registry - any; it is closed with the handle of this one
 * @throws TypeError when the directory is not an absolute path
 */
export function remembered(registry: Registry, options: RememberedOptions = {}): Registry {
  assertKnownOptions('remembered', options, ['directory']);
  const folder = createSnapshotFolder('remembered', options.directory);
  return Object.freeze({
    ...registry,
    open(environment: RegistryEnvironment): RegistryHandle {
      const handle = registry.open(environment);
      const files = new Map<string, SnapshotFile>();
      const fileOf = (service: string): SnapshotFile => {
        const path = folder.fileOf(registry.display, environment.namespace, service);
        const file = files.get(service) ?? new SnapshotFile({ folder, path, service, environment });
        files.set(service, file);
        return file;
      };
      return wrapHandle(handle, {
        watch: (service, publish) => watchRemembering(handle, fileOf(service), service, publish),
        async close() {
          await Promise.all([...files.values()].map((file) => file.close()));
          await handle.close();
        },
      });
    },
  });
}

/** The file counts only until the registry has answered. */
function watchRemembering(
  handle: RegistryHandle,
  file: SnapshotFile,
  service: string,
  publish: (snapshot: Snapshot) => void,
): Watch {
  let hasAnswered = false;
  let isClosed = false;
  /** What the file listed: the registry's first list reports as gone whatever of it is missing there. */
  let listed: readonly Endpoint[] = [];
  const watch = handle.watch(service, (snapshot) => {
    const complete = hasAnswered ? snapshot : withGone(snapshot, listed);
    hasAnswered = true;
    file.save(complete);
    publish(complete);
  });
  void file.load().then((endpoints) => {
    if (hasAnswered || isClosed || endpoints.length === 0) return;
    listed = endpoints;
    publish(Object.freeze({ endpoints, fresh: false, gone: Object.freeze([]), remembered: true }));
  });
  return {
    close() {
      isClosed = true;
      watch.close();
    },
    refresh: () => watch.refresh?.(),
  };
}

function withGone(snapshot: Snapshot, listed: readonly Endpoint[]): Snapshot {
  const ids = new Set([...snapshot.endpoints, ...snapshot.gone].map(({ id }) => id));
  const reason: GoneReason = 'unknown';
  if (listed.length === 0) return snapshot;
  const vanished = listed.filter(({ id }) => !ids.has(id)).map(({ id }) => Object.freeze({ id, reason }));
  return Object.freeze({ ...snapshot, gone: Object.freeze([...snapshot.gone, ...vanished]) });
}
