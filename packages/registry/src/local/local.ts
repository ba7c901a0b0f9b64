import { assertKnownOptions } from '@org/rpc-core/internal';
import { createEndpointSecret } from '../endpoint-secret.js';
import type { Registry } from '../registry.js';
import { resolveLocalDirectory } from './local-directory.js';
import { LocalHandle } from './local-handle.js';
import { privateSocket } from './local-socket.js';

/** Options of {@link local}. */
export interface LocalOptions {
  /**
   * Absolute path of the directory of the entries, made when it is missing. Default: `org-rpc` in `XDG_RUNTIME_DIR`, or
   * `org-rpc-<user id>` among the temporary files. It must belong to this user, and nobody else may write to it.
   */
  readonly directory?: string | undefined;
}

/**
 * The registry for one machine: the processes of one user find each other through files, with nothing to install.
 *
 * Each instance has a file of its own, written whole or not at all, in a directory for each namespace. Watchers hear of a change
 * at once where the system tells, and within half a second everywhere. A killed process is noticed as fast and reported as
 * `dead`: its process id, and on Linux its start time, are in the file. An instance that is closed leaves a goodbye for half a
 * minute, so that readers can tell the two apart. Abandoned namespaces are removed by the readers of other ones. A file that is
 * deleted or changed by hand is written anew; one that cannot be read is skipped and reported once. Of two owners of one id the
 * newer one counts.
 *
 * A server that names no address listens on a unix socket in that directory, which other users of the machine can neither call nor replace.
 *
 * It is not for several machines, users or containers: entries from elsewhere are skipped. Instances that were not closed stay
 * listed as long as their process runs. Where there is no `/proc` (macOS, Windows) a later process with the same id is taken
 * for the owner.
 *
 * @throws TypeError at once when the directory is not an absolute path
 *
 * @example
 * ```ts
 * const server = createServer({ registry: local() });
 * ```
 */
export function local(options: LocalOptions = {}): Registry {
  assertKnownOptions('local', options, ['directory']);
  const directory = resolveLocalDirectory(options.directory);
  return Object.freeze({
    display: `local:${directory}`,
    drainLeadMs: 0,
    isMachineLocal: true,
    createSecret: createEndpointSecret,
    privateSocket: () => privateSocket(directory),
    open: (environment) => new LocalHandle(directory, environment),
  } satisfies Registry);
}
