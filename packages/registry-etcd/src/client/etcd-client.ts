import type { Clock } from '@org/rpc-core';
import type { Etcd3, IKeyValue, IWatchResponse } from 'etcd3';
import {
  type ConnectEtcd,
  EtcdError,
  type EtcdPort,
  type EtcdWatch,
  type KeyValue,
  type PutIfResult,
  type RangePage,
  type Transaction,
  type WatchEvent,
  type WatchListener,
  type WatchRequest,
} from './etcd-port.js';
import { type EtcdClientOptions, etcd3Options, ownStream } from './etcd3-options.js';
import { etcdErrorOf } from './grpc-error.js';

/**
 * {@link EtcdPort} over npm etcd3, which is loaded by the first connection. Only its raw calls are used: its lease, watch
 * manager, retries and breakers hide outages or hang. There is no policy and no timer in here; the deadlines are those of gRPC.
 */
export function createEtcdConnector(options: EtcdClientOptions): ConnectEtcd {
  // The connections of a process differ in this option alone: gRPC shares sockets between clients with equal options, and a
  // client that replaces a stuck one must not get its socket.
  let connections = 0;
  return async (host) => {
    const { Etcd3 } = await loadEtcd3();
    return new EtcdClient(new Etcd3(etcd3Options(host, options, Symbol(++connections))), host, options);
  };
}

/**
 * Not a constant, so that bundlers leave it alone: etcd3 reads files beside its own and works only from its folder.
 */
const ETCD3_PARTS = ['etcd', '3'];

async function loadEtcd3(): Promise<typeof import('etcd3')> {
  const name = ETCD3_PARTS.join('');
  try {
    return (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as typeof import('etcd3');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new EtcdError(
      'other',
      'npm etcd3 is not installed where the program runs, and no bundle holds it: npm install etcd3',
      { cause: error },
    );
  }
}

class EtcdClient implements EtcdPort {
  readonly #client: Etcd3;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #password: string | undefined;
  readonly #watches = new Set<(error: EtcdError) => void>();

  constructor(client: Etcd3, host: string, options: EtcdClientOptions) {
    this.#client = client;
    this.#host = host;
    this.#clock = options.clock;
    this.#password = options.auth?.password;
  }

  async grant(ttlSeconds: number, deadlineMs: number): ReturnType<EtcdPort['grant']> {
    const call = this.#client.leaseClient.leaseGrant({ TTL: ttlSeconds }, this.#deadline(deadlineMs));
    const { ID, TTL } = await this.#typed(call);
    return { id: ID, ttlSeconds: Number(TTL) };
  }

  async keepAliveOnce(leaseId: string, deadlineMs: number): Promise<number> {
    const call = this.#client.leaseClient.leaseKeepAlive(this.#deadline(deadlineMs)).then(ownStream);
    const stream = await this.#typed(call);
    const answer = new Promise<number>((resolve, reject) => {
      stream.on('data', ({ TTL }) => resolve(Number(TTL)));
      stream.on('end', () => reject(this.#error('unavailable', 'the keepalive stream ended without an answer')));
      // The listener stays after the answer: cancelling the stream below emits an error, too.
      stream.on('error', (error) => reject(this.#cast(error)));
    });
    stream.write({ ID: leaseId });
    try {
      return await answer;
    } finally {
      stream.cancel();
    }
  }

  async revoke(leaseId: string, deadlineMs: number): Promise<void> {
    try {
      await this.#typed(this.#client.leaseClient.leaseRevoke({ ID: leaseId }, this.#deadline(deadlineMs)));
    } catch (error) {
      if ((error as EtcdError).kind !== 'leaseNotFound') throw error;
    }
  }

  async put(key: string, value: string, leaseId: string, deadlineMs: number): Promise<number> {
    const request = { key: bytesOf(key), value: Buffer.from(value), lease: leaseId };
    const { header } = await this.#typed(this.#client.kv.put(request, this.#deadline(deadlineMs)));
    return Number(header.revision);
  }

  async putIf(
    key: string,
    value: string,
    leaseId: string,
    modRevision: number,
    deadlineMs: number,
  ): Promise<PutIfResult> {
    const put = { key: bytesOf(key), value: Buffer.from(value), lease: leaseId };
    const transaction = {
      compare: [{ result: 'Equal', target: 'Mod', key: bytesOf(key), mod_revision: modRevision } as const],
      success: [{ request_put: put }],
      failure: [{ request_range: { key: bytesOf(key) } }],
    };
    const answer = await this.#typed(this.#client.kv.txn(transaction, this.#deadline(deadlineMs)));
    if (answer.succeeded) return { written: true, revision: Number(answer.header.revision) };
    const current = answer.responses[0]?.response_range?.kvs[0];
    return { written: false, current: current && entryOf(current) };
  }

  async deleteIf(key: string, leaseId: string, deadlineMs: number): Promise<boolean> {
    const transaction = {
      compare: [{ result: 'Equal', target: 'Lease', key: bytesOf(key), lease: leaseId } as const],
      success: [{ request_delete_range: { key: bytesOf(key) } }],
    };
    const answer = await this.#typed(this.#client.kv.txn(transaction, this.#deadline(deadlineMs)));
    return Number(answer.responses[0]?.response_delete_range?.deleted ?? 0) > 0;
  }

  async transact({ expected, puts, deletes }: Transaction, deadlineMs: number): Promise<boolean> {
    const transaction = {
      compare: expected.map(
        ({ key, modRevision }) =>
          ({ result: 'Equal', target: 'Mod', key: bytesOf(key), mod_revision: modRevision }) as const,
      ),
      success: [
        ...puts.map(({ key, value }) => ({ request_put: { key: bytesOf(key), value: Buffer.from(value) } })),
        ...deletes.map((key) => ({ request_delete_range: { key: bytesOf(key) } })),
      ],
    };
    return (await this.#typed(this.#client.kv.txn(transaction, this.#deadline(deadlineMs)))).succeeded;
  }

  async range(request: Parameters<EtcdPort['range']>[0], deadlineMs: number): Promise<RangePage> {
    const { key, rangeEnd, limit, revision, keysOnly, minModRevision } = request;
    const call = this.#client.kv.range(
      {
        key: bytesOf(key),
        limit,
        ...(rangeEnd === undefined ? {} : { range_end: bytesOf(rangeEnd) }),
        ...(revision === undefined ? {} : { revision }),
        ...(keysOnly === undefined ? {} : { keys_only: keysOnly }),
        ...(minModRevision === undefined ? {} : { min_mod_revision: minModRevision }),
      },
      this.#deadline(deadlineMs),
    );
    const { kvs, more, count, header } = await this.#typed(call);
    return { entries: kvs.map(entryOf), more, count: Number(count), revision: Number(header.revision) };
  }

  watch(request: WatchRequest, listener: WatchListener): EtcdWatch {
    let cancel: (() => void) | undefined;
    const close = (): void => {
      this.#watches.delete(end);
      cancel?.();
    };
    const end = (error: EtcdError): void => {
      if (!this.#watches.has(end)) return;
      close();
      listener.onEnd(error);
    };
    this.#watches.add(end);
    const opened = this.#client.watchClient.watch().then(ownStream);
    opened.then(
      (stream) => {
        cancel = () => stream.cancel();
        // Both listeners stay: a cancelled stream still emits an error, and without a listener that would end the process.
        stream.on('error', (error) => end(this.#cast(error)));
        stream.on('end', () => end(this.#error('unavailable', 'the watch stream ended')));
        if (!this.#watches.has(end)) return stream.cancel();
        stream.on('data', (response) => {
          if (!this.#watches.has(end)) return;
          if (response.created) letGo(stream);
          if (response.canceled) end(this.#cancelled(response));
          else listener.onEvents(response.events.map(eventOf), Number(response.header.revision));
        });
        stream.write({ create_request: watchRequest(request) });
      },
      (error: Error) => end(this.#cast(error)),
    );
    return { close };
  }

  close(): void {
    // Streams are cancelled first: once its client is closed, etcd3 reconnects a cancelled stream for ever.
    for (const end of [...this.#watches]) end(this.#error('unavailable', 'this connection was closed'));
    this.#client.close();
  }

  /** A deadline of gRPC is a time of the wall clock. When that clock jumps, the holder of this port keeps the deadline. */
  #deadline(deadlineMs: number): { deadline: number } {
    return { deadline: this.#clock.wallNow() + deadlineMs };
  }

  #typed<T>(call: Promise<T>): Promise<T> {
    return call.catch((error: unknown) => {
      throw this.#cast(error);
    });
  }

  #cast(error: unknown): EtcdError {
    return etcdErrorOf(error, `etcd ${this.#host}`, this.#password);
  }

  #error(kind: EtcdError['kind'], message: string): EtcdError {
    return new EtcdError(kind, `etcd ${this.#host}: ${message}`);
  }

  /** For a compacted revision etcd 3.4 gives no reason, only the revision of the compaction. */
  #cancelled({ compact_revision, cancel_reason }: IWatchResponse): EtcdError {
    if (Number(compact_revision) > 0) return this.#error('compacted', `compacted at revision ${compact_revision}`);
    return this.#cast(new Error(`the watch was cancelled by the server: ${cancel_reason || 'without a reason'}`));
  }
}

/** How a stream of gRPC is made: one call around the other, the innermost with the stream of HTTP/2. */
interface LayeredCall {
  readonly http2Stream?: { readonly session?: { unref?(): void } };
  readonly call?: LayeredCall | null;
  readonly nextCall?: LayeredCall | null;
  readonly child?: LayeredCall | null;
  readonly underlyingCalls?: readonly { readonly call: LayeredCall }[];
}

const CALL_DEPTH_MAX = 16;

/**
 * A watch is open for as long as its client is, and gRPC has its connection keep the process alive meanwhile; whoever waits for an answer
 * keeps it alive by a timer. gRPC has no name for that, so the session of HTTP/2 is looked for where it is kept today; where it is not found,
 * all is as gRPC has it.
 */
function letGo(stream: object): void {
  let at: LayeredCall | null | undefined = stream as LayeredCall;
  for (let depth = 0; depth < CALL_DEPTH_MAX && at; depth++) {
    if (at.http2Stream?.session !== undefined) return at.http2Stream.session.unref?.();
    at = at.call ?? at.nextCall ?? at.child ?? at.underlyingCalls?.[0]?.call;
  }
}

/** Keys are taken byte by byte, so that a foreign key of no valid UTF-8 keeps its identity; ours are ASCII. */
function bytesOf(key: string): Buffer {
  return Buffer.from(key, 'latin1');
}

function entryOf({ key, value, mod_revision, lease }: IKeyValue): KeyValue {
  return { key: key.toString('latin1'), value, modRevision: Number(mod_revision), leaseId: lease };
}

function eventOf({ type, kv }: IWatchResponse['events'][number]): WatchEvent {
  if (type === 'Put' || (type as string) === 'PUT') return { type: 'put', entry: entryOf(kv) };
  return { type: 'delete', key: kv.key.toString('latin1'), modRevision: Number(kv.mod_revision) };
}

function watchRequest({ key, rangeEnd, startRevision }: WatchRequest): object {
  return {
    key: bytesOf(key),
    ...(rangeEnd === undefined ? {} : { range_end: bytesOf(rangeEnd) }),
    start_revision: startRevision,
    progress_notify: true,
    fragment: true,
  };
}
