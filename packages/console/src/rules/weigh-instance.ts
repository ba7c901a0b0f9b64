import { RULE_POLICIES, readRules } from '@org/rpc-core/internal';
import type { RulesStore } from '@org/rpc-registry';
import { reasonOf } from './rollback-comment.js';
import { type RulesAuthor, stampRules } from './stamp-rules.js';

/** The result of changing an instance's weight for the callers of a service. */
export interface Weighed {
  readonly service: string;
  /** The weight that a rule gave before, if any. */
  readonly from: number | undefined;
  /** The version of the new document; `undefined` when nothing had to change. */
  readonly version: number | undefined;
}

/**
 * Sets the weight of an instance in the rules of a service, or removes it. The rest of the document stays.
 *
 * @param instance - the id of the instance, or its address
 * @param weight - 0 to 10,000; `undefined` removes it, so that the weight in the registry counts
 * @param author - who does it, for the stamp of the document
 * @throws TypeError when the present document is not valid, when its weight rule is not `on` for all clients, and for a weight out of bounds;
 * RpcError `ABORTED` when somebody else changed the document first
 */
export async function weighInstance(
  store: RulesStore,
  service: string,
  instance: string,
  weight: number | undefined,
  comment: string,
  author: RulesAuthor,
): Promise<Weighed> {
  const current = await store.get(service);
  if (current !== undefined && current.document === undefined)
    throw new TypeError(
      `the rules of ${service} are not valid, so that nothing can be added to them: ${current.problem}`,
    );
  const document = current?.document;
  const rule = document?.weight;
  if (rule !== undefined && (rule.mode !== 'on' || rule.percent < 100)) {
    const scope = rule.mode === 'on' ? `for ${rule.percent} % of the clients` : rule.mode;
    throw new TypeError(`the rule weight of ${service} is ${scope}: put it on for all, or change it by rpc rules`);
  }
  const { [instance]: from, ...others }: Readonly<Record<string, number>> = rule?.endpoints ?? Object.create(null);
  if (from === weight) return { service, from, version: undefined };
  const endpoints = weight === undefined ? others : { ...others, [instance]: weight };
  const { weight: _, ...rest } = document ?? { schemaVersion: 1, version: 1 };
  const hasOthers = RULE_POLICIES.some((policy) => policy !== 'weight' && document?.[policy] !== undefined);
  const next = {
    ...rest,
    comment: (hasOthers ? withEarlier(comment, document?.comment) : comment).slice(0, 500),
    ...(Object.keys(endpoints).length > 0 && { weight: { mode: 'on', percent: 100, endpoints } }),
  };
  readRules(next, 'rules');
  const { version } = await store.set(service, stampRules(next, author), current?.version ?? 0);
  return { service, from, version };
}

const OTHERS = '; the other rules: ';

/** Who has set the other rules of the document, and why, is to be read on. Of several changes of a weight only the last one counts. */
function withEarlier(comment: string, earlier: string | undefined): string {
  const reason = reasonOf(earlier ?? '');
  const at = reason.indexOf(OTHERS);
  if (at !== -1) return `${comment}${reason.slice(at)}`;
  const isWeight = /^(console: |rpc weight )/.test(reason);
  return reason === '' || isWeight ? comment : `${comment}${OTHERS}${reason}`;
}
