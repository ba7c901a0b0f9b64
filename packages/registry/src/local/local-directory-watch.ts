import { watch } from 'node:fs';

/** Starts to listen for changes of a directory; `onEnd` is called when that can't go on. */
export type WatchDirectory = (path: string, onChange: () => void, onEnd: () => void) => { close(): void };

/** Notices that a directory changed. They only make things faster. */
export interface DirectoryWatch {
  /**
   * Listens to the directory, and begins again when another directory is at its path.
   * @param mark - tells one directory from a later one at the same path
   */
  follow(mark: string): void;
  /** Stops listening. Idempotent. */
  close(): void;
}

/** Makes a watch that does not listen yet. It tolerates a system that gives no notices. */
export function createDirectoryWatch(
  path: string,
  onChange: () => void,
  start: WatchDirectory = watchDirectory,
): DirectoryWatch {
  let followed: string | undefined;
  let watcher: { close(): void } | undefined;
  const close = (): void => {
    watcher?.close();
    watcher = undefined;
  };
  return {
    follow(mark) {
      if (mark === followed) return;
      followed = mark;
      close();
      try {
        watcher = start(path, onChange, close);
      } catch {
        // Too many watches of this user (ENOSPC, EMFILE), or a file system without them.
      }
    },
    close,
  };
}

/** The one of the system. It does not keep the process alive. */
const watchDirectory: WatchDirectory = (path, onChange, onEnd) => {
  const watcher = watch(path, { persistent: false }, onChange);
  watcher.on('error', onEnd);
  return watcher;
};
