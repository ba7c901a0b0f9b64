import { type CallContext, type ContextKey, type Metadata, systemClock } from '@org/rpc-core';
import { runInContext } from '@org/rpc-core/internal';

/** What {@link runInCallContext} lets a test say of the call; the rest has harmless values. */
export interface FakeCallContext {
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Aborts when the server begins to drain; default never. */
  readonly draining?: AbortSignal | undefined;
  /** Absolute, in `performance.now()` milliseconds; default none. */
  readonly deadline?: number | undefined;
  readonly metadata?: Metadata | undefined;
  /** The other end's address, default `test`. */
  readonly peer?: string | undefined;
}

/** Runs a function as if it were serving a call: `callContext()` gives what was passed, and calls made inside inherit it. */
export function runInCallContext<T>(fake: FakeCallContext, fn: () => T): T {
  const values = new Map<symbol, unknown>();
  const { deadline = Number.POSITIVE_INFINITY } = fake;
  const context: CallContext = {
    service: fake.service ?? 'test',
    method: fake.method ?? 'test',
    signal: fake.signal ?? new AbortController().signal,
    draining: fake.draining ?? new AbortController().signal,
    deadline,
    remainingMs: () => Math.max(0, deadline - systemClock.now()),
    metadata: fake.metadata ?? {},
    responseMetadata: {},
    peer: { address: fake.peer ?? 'test' },
    get: <V>(key: ContextKey<V>) => values.get(key.symbol) as V | undefined,
    set: <V>(key: ContextKey<V>, value: V) => {
      values.set(key.symbol, value);
    },
  };
  return runInContext(context, fn);
}
