import { join } from 'node:path';
import type { Cancel } from '@org/rpc-core';
import type { Endpoint } from '../endpoint.js';
import { readEndpoint } from '../endpoint-data.js';
import { readWhole, writeWhole } from '../local/local-files.js';
import type { RegistryEnvironment, Snapshot } from '../registry.js';
import type { SnapshotFolder } from './snapshot-folder.js';

/** What a file of a snapshot needs. */
export interface SnapshotFileOptions {
  readonly folder: SnapshotFolder;
  /** The name in the folder. */
  readonly path: string;
  readonly service: string;
  readonly environment: RegistryEnvironment;
}

/** How long changes are collected before the file is written, in milliseconds: many changes make one write. */
const WRITE_DELAY_MS = 1_000;

/** How long an instance that vanished without a reason is kept, in milliseconds. */
const VANISHED_KEPT_MS = 600_000;

/** A file of 10,000 instances with some tags has about 4 MB. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;

const SCHEMA = 1;

/** The last known list of one service on disk. Never throws: the client also works without it. */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions;
  readonly #vanished = new Map<string, { readonly endpoint: Endpoint; readonly until: number }>();
  #listed: readonly Endpoint[] = [];
  #written: string | undefined;
  #cancelWrite: Cancel | undefined;
  #loading: Promise<unknown> = Promise.resolve();
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(options: SnapshotFileOptions) {
    this.#options = options;
  }

  /** The endpoints that the file lists; none when there is no file, or none that can be used. */
  load(): Promise<readonly Endpoint[]> {
    const loading = this.#load();
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<readonly Endpoint[]> {
    const { folder, path } = this.#options;
    try {
      const isThere = await folder.check().catch((error: unknown) => {
        // Nothing can be written there either; that need not be reported again.
        this.#hasFailed = true;
        throw error;
      });
      const bytes = isThere ? await readWhole(join(folder.path, path), FILE_BYTES_MAX) : undefined;
      const endpoints = bytes === undefined ? [] : this.#parse(bytes.toString());
      // An instance that the registry does not list has vanished since that run, and is kept for a while like all that vanish.
      if (this.#cancelWrite === undefined && this.#listed.length === 0) this.#listed = endpoints;
      return endpoints;
    } catch (error) {
      this.#report(`the snapshot ${join(folder.path, path)} can't be used: ${(error as Error).message}`, error);
      return [];
    }
  }

  /** Remembers a snapshot if it is fresh. It is written a moment later, together with those that follow. */
  save({ endpoints, fresh, gone }: Snapshot): void {
    if (!fresh) return;
    const { clock } = this.#options.environment;
    const now = clock.now();
    // Usually none of ten thousand has gone, and then there is nothing to look up.
    if (gone.length > 0) {
      const before = new Map(this.#listed.map((endpoint) => [endpoint.id, endpoint]));
      for (const { id, reason } of gone) {
        const endpoint = before.get(id);
        if (endpoint !== undefined && reason === 'unknown')
          this.#vanished.set(id, { endpoint, until: now + VANISHED_KEPT_MS });
      }
    }
    if (this.#vanished.size > 0) {
      for (const { id } of endpoints) this.#vanished.delete(id);
      for (const [id, { until }] of this.#vanished) if (until <= now) this.#vanished.delete(id);
    }
    this.#listed = endpoints;
    this.#cancelWrite ??= clock.schedule(WRITE_DELAY_MS, () => this.#flush(), true);
  }

  /** Writes what is not written yet. Resolves when nothing more will be reported. Idempotent, never rejects. */
  async close(): Promise<void> {
    await this.#loading;
    if (this.#cancelWrite !== undefined) this.#flush();
    await this.#writing;
  }

  #flush(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    const vanished = [...this.#vanished.values()].map(({ endpoint }) => endpoint);
    // An instance that is leaving will not be there; one that has a secret cannot be told from an impostor without it.
    const endpoints = [...this.#listed.filter(({ state }) => state !== 'draining'), ...vanished].filter(
      ({ secret }) => secret === undefined,
    );
    const text = JSON.stringify({ schema: SCHEMA, service: this.#options.service, endpoints });
    if (text === this.#written) return;
    this.#written = text;
    this.#writing = this.#writing.then(() => this.#write(text));
  }

  async #write(text: string): Promise<void> {
    const { folder, path, service } = this.#options;
    try {
      await folder.prepare();
      await writeWhole(folder.path, path, text);
      this.#hasFailed = false;
    } catch (error) {
      // Reported once and not with each change: a read-only file system stays read-only.
      if (!this.#hasFailed)
        this.#report(`the snapshot of ${service} can't be written: ${(error as Error).message}`, error);
      this.#hasFailed = true;
      this.#written = undefined;
    }
  }

  #parse(text: string): readonly Endpoint[] {
    const data = JSON.parse(text) as { schema?: unknown; service?: unknown; endpoints?: unknown } | null;
    if (data?.schema !== SCHEMA || data.service !== this.#options.service || !Array.isArray(data.endpoints))
      throw new TypeError('it is of another version or service');
    const byId = new Map<string, Endpoint>();
    for (const value of data.endpoints) {
      const endpoint = readEndpoint('an endpoint in it', value);
      byId.set(endpoint.id, endpoint);
    }
    return Object.freeze([...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  }

  #report(message: string, error: unknown): void {
    const { environment, service } = this.#options;
    environment.onEvent?.({ kind: 'invalidEntry', message, service, error: error as Error });
  }
}
