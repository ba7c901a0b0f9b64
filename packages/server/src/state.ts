import type { HealthStatus } from './builtin/health.js';
import type { CallLimitsState } from './policy/call-limits.js';
import type { ServerRulesState } from './rules/served-rules.js';

/** What a worker of a server does. */
export type WorkerStatus = 'starting' | 'serving' | 'stopping' | 'ended';

/**
 * What a server knows of itself now: plain data for logs, admin ports and tests, as `server.state()` gives it. Fields are added to it; removing
 * one or changing what it means makes another `schema`.
 */
export interface ServerState extends CallLimitsState {
  readonly schema: 1;
  readonly instance: string;
  /** `new` until it listens, `draining` from the beginning of `close`. */
  readonly status: 'new' | 'serving' | 'draining' | 'closed';
  /** Where it listens, `undefined` before. */
  readonly address: { readonly host: string; readonly port: number; readonly path?: string | undefined } | undefined;
  /** Where the admin port listens, `undefined` without one. */
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** Since it was made, in milliseconds. */
  readonly uptimeMs: number;
  readonly registry: {
    /** Which one, without passwords. */
    readonly name: string;
    /** `none` before it listens, `pending` until the entry is written and while it cannot be renewed. */
    readonly status: 'none' | 'pending' | 'registered' | 'closed';
    /** Why it is pending, where that is known. */
    readonly error: string | undefined;
  };
  /** The services that were added, by name. */
  readonly services: Readonly<Record<string, { readonly health: HealthStatus }>>;
  /** The rules of those services that have some in the registry. */
  readonly rules: Readonly<Record<string, ServerRulesState>>;
  /** Open connections. */
  readonly connections: number;
  readonly calls: {
    /** Handlers that run. */
    readonly running: number;
    /** Calls that wait to be let in. */
    readonly waiting: number;
    /** Calls that have ended well, since the server was made; of streams, those that were read to their end. */
    readonly succeeded: number;
    /**
     * Calls whose handler has ended too late: after the deadline of their caller, or after it had given up, whether it ended well or threw,
     * as one does that its signal aborts. Nobody has the answer.
     */
    readonly late: number;
    /** Calls whose handler has thrown while its caller waited, or whose answer could not be sent. */
    readonly failed: number;
    /** Calls that were not begun: late, not allowed, or beyond a limit of the server. Those beyond `limits` of a connection do not count. */
    readonly refused: number;
    /** One-way calls that were not begun, those beyond `limits` of a connection included: their callers hear nothing of it. */
    readonly dropped: number;
    /** Calls of `rpc.health`, `rpc.reflection` and `rpc.operator`, however they ended: what probes and tools ask is counted nowhere else. */
    readonly builtIn: number;
  };
  /** Of a server whose process only watches over workers: what else stands here is theirs together, a second old at the most. */
  readonly workers?: readonly {
    readonly worker: number;
    readonly pid: number | undefined;
    readonly status: WorkerStatus;
    /** The ids of its servers. */
    readonly instances: readonly string[];
  }[];
}
