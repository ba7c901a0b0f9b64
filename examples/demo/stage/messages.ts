// What the processes of the demo say to each other, over the pipe between a Node.js process and its parent.

/** How many callers the client has; each waits for its answer before it calls again. */
export const CALLERS = 16;

/** How often the client reports, in milliseconds. */
export const REPORT_MS = 500;

/** What a server tells. Times are of the wall clock, in milliseconds: they are compared across processes. */
export type ServerMessage =
  | { readonly kind: 'listening'; readonly address: string; readonly at: number }
  | { readonly kind: 'registered' }
  | { readonly kind: 'draining' }
  | { readonly kind: 'registry'; readonly message: string };

/** What the client tells. */
export type ClientMessage =
  | { readonly kind: 'stuck'; readonly message: string }
  | { readonly kind: 'failedCall'; readonly message: string }
  | { readonly kind: 'registry'; readonly message: string }
  | NodeMessage
  | Report;

/** Something happened to one of the client's nodes. */
export interface NodeMessage {
  readonly kind: 'up' | 'down' | 'removed' | 'breakerOpened' | 'breakerClosed';
  readonly address: string;
  readonly at: number;
  readonly reason?: string | undefined;
}

/** What the client has counted so far. */
export interface Report {
  readonly kind: 'report';
  readonly isLast: boolean;
  readonly at: number;
  /** Since its first answer, in milliseconds. */
  readonly elapsedMs: number;
  readonly calls: number;
  readonly failed: number;
  readonly retries: number;
  readonly nodes: readonly NodeReport[];
  /** Of all calls, in milliseconds. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number };
}

/** The same for one node. */
export interface NodeReport {
  readonly address: string;
  /** As the client sees it: `ready`, `down`, `draining`, or `gone` when it knows it no more. */
  readonly state: 'ready' | 'down' | 'draining' | 'gone';
  readonly calls: number;
  /** Attempts that failed there, whether or not another one brought the answer. */
  readonly errors: number;
  /** Of the calls since the report before, in milliseconds; `undefined` when there were none. */
  readonly p50: number | undefined;
  /** Of all its calls, in milliseconds. */
  readonly p50OfAll: number | undefined;
  readonly firstCallAt: number | undefined;
  readonly lastErrorAt: number | undefined;
}

/** Tells the process that started this one. Resolves when it is sent, or when nobody is there to hear it. */
export function tellStage(message: ServerMessage | ClientMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

/** Hears what the process that started this one says, and ends with it: no process of the demo outlives the demo. */
export function followStage(listener: (word: string) => void = () => {}): void {
  process.on('message', (word) => listener(String(word)));
  process.once('disconnect', () => process.exit());
}
