import type { Call, CallTrouble, Code, RpcError } from '@org/rpc-core';
import { plainText } from '@org/rpc-core/internal';

/** More different ones than these are counted as one, under the name of no method. */
const ROWS_MAX = 300;
const WORDS_MAX = 200;

type Row = { -readonly [K in keyof CallTrouble]: CallTrouble[K] };

/** What an attempt was about that another one followed, or was sent beside. */
interface Repeated {
  readonly service: string;
  readonly method: string;
  readonly endpoint: string;
  readonly code?: Code;
}

/** Counts what goes wrong with the calls of a client. Nothing of it runs for a call that goes well. */
export class TroubleTally {
  readonly #client: string;
  readonly #rows = new Map<string, Row>();

  /** @param client - its name */
  constructor(client: string) {
    this.#client = client;
  }

  /** What was counted so far. */
  tell(): readonly CallTrouble[] {
    return Array.from(this.#rows.values(), (row) => ({ ...row }));
  }

  /** A call has failed for good. */
  failed({ service, method, attempts = [] }: Call, { code, progress, spent, reason }: RpcError): void {
    const endpoint = spent?.endpoint ?? attempts.findLast((each) => each.endpoint !== '')?.endpoint ?? '';
    // One that was sent nowhere and waited for nothing was refused by what the client itself goes by.
    const isOwn = endpoint === '' && progress === 'unsent' && spent === undefined;
    const refusedBy = isOwn ? plainText(reason).slice(0, WORDS_MAX) : undefined;
    const culprit = isOwn ? 'limits' : spent?.culprit;
    this.#count({
      client: this.#client,
      service,
      method,
      what: 'failed',
      endpoint,
      code,
      culprit,
      refusedBy,
      count: 0,
    });
  }

  /** Another attempt follows one that has failed, or was sent beside one that is slow. */
  repeated(what: 'retried' | 'hedged', { service, method, endpoint, code }: Repeated): void {
    const rest = { code, culprit: undefined, refusedBy: undefined, count: 0 };
    this.#count({ client: this.#client, service, method, what, endpoint, ...rest });
  }

  #count(row: Row): void {
    let kept = this.#rows.get(keyOf(row)) ?? row;
    if (kept.count === 0 && this.#rows.size >= ROWS_MAX) {
      const other = { ...row, method: '', endpoint: '', refusedBy: undefined };
      kept = this.#rows.get(keyOf(other)) ?? other;
      // The number of these is bounded by that of services, codes and culprits.
      if (kept.count === 0 && this.#rows.size >= 2 * ROWS_MAX) return;
    }
    if (kept.count === 0) this.#rows.set(keyOf(kept), kept);
    kept.count++;
  }
}

function keyOf({ service, method, what, endpoint, code, culprit, refusedBy }: Row): string {
  return `${service}\n${method}\n${what}\n${endpoint}\n${code}\n${culprit}\n${refusedBy}`;
}
