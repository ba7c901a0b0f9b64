import assert from 'node:assert/strict';
import type { FakeClock } from '@org/rpc-testkit';
import { isRpcError, type RpcError, rpcError } from '../../packages/rpc-core/src/error.js';
import { ServerStack } from '../../packages/server/src/stack.js';
import type { IncomingCall } from '../../packages/wire/src/connection/server/incoming-call.js';
import type { ServerHost } from '../../packages/wire/src/connection/server/server-host.js';
import { packLoad } from '../../packages/wire/src/frames/load.js';
import { METHODS } from './grammar/frames.js';

/** A host whose handlers answer at once, later, when they are cancelled, never well, and in streams. It keeps counts only. */
export class FuzzHost implements ServerHost {
  readonly self = { instance: 'fuzzed', uptimeMs: 1, metadataFirst: false, draining: new AbortController().signal };
  readonly closedReasons: string[] = [];
  running = 0;
  runningMax = 0;
  readonly #clock: FakeClock;
  readonly #stack: ServerStack;

  constructor(clock: FakeClock, authorizesLater: boolean) {
    this.#clock = clock;
    this.#stack = new ServerStack({
      authorize: authorizesLater ? () => Promise.resolve() : undefined,
      admission: {
        enter: () => {
          this.running++;
          this.runningMax = Math.max(this.runningMax, this.running);
          return undefined;
        },
        leave: () => {
          this.running--;
          assert.ok(this.running >= 0, 'a call ended that had not begun');
        },
      },
      run: (call) => this.#run(call),
      runStream: (call, items) => this.#runStream(call, items),
      presentable: (error) => (isRpcError(error) ? error : rpcError('INTERNAL', 'failed')),
      ended: () => {},
    });
  }

  /** How busy it is, for clients that want to know. */
  readonly load = (ending: number): number => packLoad(this.#stack.size - ending, 0.3);

  find(name: string, serviceLength?: number): { service: string; method: string } | RpcError {
    if (serviceLength === undefined)
      return name.startsWith('test.') ? this.find(name.replace('.', ''), 4) : this.find(`test${name}`, 4);
    const method = name.slice(serviceLength);
    if (name.slice(0, serviceLength) === 'test' && method !== 'none' && (METHODS as readonly string[]).includes(method))
      return { service: 'test', method };
    return rpcError('UNIMPLEMENTED', 'no such method', { progress: 'refused' });
  }

  serve(call: IncomingCall, bytes: Buffer, start: number, end: number): void {
    this.#stack.serve(call, bytes, start, end);
  }

  #run(call: IncomingCall): unknown {
    call.started = true;
    switch (call.method) {
      case 'echo':
        return call.args[0];
      case 'later':
        return new Promise((resolve) => this.#clock.schedule(50, () => resolve(call.args)));
      case 'hang':
        // One-way calls outlive their connection: they end by themselves.
        return new Promise((resolve, reject) => {
          if (call.oneWay) this.#clock.schedule(500, () => resolve(undefined));
          else call.signal.addEventListener('abort', () => reject(call.signal.reason), { once: true });
        });
      default:
        throw new Error('failed');
    }
  }

  #runStream(call: IncomingCall, items: AsyncIterable<unknown>): AsyncIterable<unknown> | Iterable<unknown> {
    call.started = true;
    if (call.method === 'back') return items;
    if (call.method === 'source') return source();
    return sink(items);
  }

  closed(_connection: unknown, reason: string): void {
    this.closedReasons.push(reason);
  }
}

function* source(): Iterable<unknown> {
  for (let i = 0; i < 40; i++) yield i % 8 === 7 ? Buffer.alloc(20_000) : { i };
}

async function* sink(items: AsyncIterable<unknown>): AsyncIterable<unknown> {
  let count = 0;
  for await (const _ of items) if (++count === 5) break;
  yield count;
}
