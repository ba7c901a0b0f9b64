import type { Call, CallTrouble, Code, RpcError, RulePolicy } from '@org/rpc-core';
import { plainText, RULE_POLICIES } from '@org/rpc-core/internal';

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

/** What dark rules of a service would have changed. */
interface Followed {
  readonly service: string;
  readonly rules: { readonly counts: { total(policy: RulePolicy): number } };
}

/** Counts what goes wrong with the calls of a client, and what its limits and rules do to them. Nothing of it runs for a call that goes well. */
export class TroubleTally {
  readonly #client: string;
  readonly #rows = new Map<string, Row>();

  /** @param client - its name */
  constructor(client: string) {
    this.#client = client;
  }

  /** What was counted so far. @param followed - what has counted for dark rules */
  tell(followed: Iterable<Followed> = []): readonly CallTrouble[] {
    const rows: CallTrouble[] = Array.from(this.#rows.values(), (row) => ({ ...row }));
    for (const { service, rules } of followed)
      for (const rule of RULE_POLICIES) {
        const count = rules.counts.total(rule);
        if (count > 0) rows.push({ ...this.#row('would', service, ''), rule, count });
      }
    return rows;
  }

  /** A call has failed for good. */
  failed({ service, method, attempts = [] }: Call, { code, progress, spent, reason, timeLimit }: RpcError): void {
    const endpoint = spent?.endpoint ?? attempts.findLast((each) => each.endpoint !== '')?.endpoint ?? '';
    // One that was sent nowhere and waited for nothing was refused by what the client itself goes by.
    const isOwn = endpoint === '' && progress === 'unsent' && spent === undefined;
    const refusedBy = isOwn ? plainText(reason).slice(0, WORDS_MAX) : undefined;
    const culprit = isOwn ? 'limits' : spent?.culprit;
    // Of an attempt its share counts as well: the time that it is a share of was set by rules.
    const rule = timeLimit?.rulesVersion === undefined ? undefined : 'timeout';
    const downstream = spent?.downstream;
    this.#count({ ...this.#row('failed', service, method), endpoint, code, culprit, downstream, refusedBy, rule });
  }

  /** A rule has refused a call of a method that it switches off. */
  switchedOff({ service, method }: Pick<Call, 'service' | 'method'>, { code, reason }: RpcError): void {
    const refusedBy = plainText(reason).slice(0, WORDS_MAX);
    this.#count({ ...this.#row('failed', service, method), code, culprit: 'limits', refusedBy, rule: 'switch' });
  }

  /** A limit has let a call wait, or has refused it. @param rule - the one that has set the limit */
  held(what: 'waited' | 'limited', { service, method }: Pick<Call, 'service' | 'method'>, rule?: RulePolicy): void {
    this.#count({ ...this.#row(what, service, method), rule });
  }

  /** Another attempt follows one that has failed, or was sent beside one that is slow. @param rule - the one that has allowed it */
  repeated(what: 'retried' | 'hedged', { service, method, endpoint, code }: Repeated, rule?: RulePolicy): void {
    this.#count({ ...this.#row(what, service, method), endpoint, code, rule });
  }

  #row(what: Row['what'], service: string, method: string): Row {
    const nothing = { code: undefined, culprit: undefined, refusedBy: undefined, rule: undefined };
    return { client: this.#client, service, method, what, endpoint: '', ...nothing, count: 0 };
  }

  #count(row: Row): void {
    let kept = this.#rows.get(keyOf(row)) ?? row;
    if (kept.count === 0 && this.#rows.size >= ROWS_MAX) {
      const other = { ...row, method: '', endpoint: '', downstream: undefined, refusedBy: undefined };
      kept = this.#rows.get(keyOf(other)) ?? other;
      // The number of these is bounded by that of services, codes and culprits.
      if (kept.count === 0 && this.#rows.size >= 2 * ROWS_MAX) return;
    }
    if (kept.count === 0) this.#rows.set(keyOf(kept), kept);
    kept.count++;
  }
}

function keyOf({ service, method, what, endpoint, code, culprit, downstream, refusedBy, rule }: Row): string {
  const below = downstream && `${downstream.service}\n${downstream.method}\n${downstream.instance}`;
  return `${service}\n${method}\n${what}\n${endpoint}\n${code}\n${culprit}\n${below}\n${refusedBy}\n${rule}`;
}
