import { followerOf, followersOf, ruleRows, stampOf, summaryOf } from '@org/rpc-console';
import type { RulesDocument } from '@org/rpc-core';
import { formatJson, plainText } from '@org/rpc-core/internal';
import type { RulesReport, StoredRules } from '@org/rpc-registry';
import { CliError, EXIT } from '../cli-error.js';
import { formatTable } from '../format/table.js';
import type { RulesTask } from './rules-task.js';

/** `rpc rules get`. @throws CliError when there are none, or when they make no sense */
export async function showRules({ service, store, registry, isJson, terminal }: RulesTask): Promise<number> {
  const stored = await store.get(service);
  if (stored === undefined) throw new CliError(`${service} has no rules in ${registry}`);
  const { document, problem } = stored;
  if (document === undefined)
    throw new CliError(`the rules of ${service} are not valid, so no client has them: ${problem}; set others`);
  if (isJson) {
    terminal.out(`${formatJson(document)}\n`);
    return EXIT.ok;
  }
  terminal.out(`${service}, version ${document.version}${setOf(document)}${commentOf(document.comment)}\n`);
  const rows = ruleRows(document);
  if (rows.length === 0) terminal.out('  no rules\n');
  terminal.out(formatTable({ head: ['rule', 'mode', 'for', 'says'], rows, align: 'llrl' }));
  return EXIT.ok;
}

/** `rpc rules history`. */
export async function showHistory({ service, store, registry, isJson, terminal }: RulesTask): Promise<number> {
  const [history, current] = [await store.history(service), await store.get(service)];
  if (isJson) {
    const versions = history.map(({ version, document, problem }) => document ?? { version, problem });
    terminal.out(`${formatJson({ service, current: current?.version, versions })}\n`);
    return EXIT.ok;
  }
  if (history.length === 0) terminal.err(`${service} never had rules in ${registry}\n`);
  const rows = history.map(({ version, document, problem }) => [
    `${version}${version === current?.version ? ' *' : ''}`,
    document === undefined ? plainText(`not valid: ${problem}`) : summaryOf(document),
    plainText((document && stampOf(document)) ?? '-'),
    plainText(document?.comment ?? '-'),
  ]);
  terminal.out(formatTable({ head: ['version', 'rules', 'set', 'comment'], rows, align: 'llll' }));
  return EXIT.ok;
}

/** Of a client that follows rules by which it makes no calls. */
const UNCALLED = 'has it open, has not called it';

/** `rpc rules status`: what those clients and servers make of the rules whom they concern. */
export async function showStatus({ service, store, isJson, terminal, style }: RulesTask): Promise<number> {
  const [current, history, reports] = await Promise.all([
    store.get(service),
    store.history(service),
    store.reports(service),
  ]);
  if (isJson) {
    terminal.out(`${formatJson({ service, current: current?.version, ...stampIn(current?.document), reports })}\n`);
    return EXIT.ok;
  }
  const there = current === undefined ? 'no rules' : `version ${current.version}${setOf(current.document ?? {})}`;
  const { concerned, others } = followersOf(current, history, reports);
  const sum = (rows: typeof concerned) => rows.reduce((all, { processes }) => all + processes, 0);
  const applied = sum(concerned.filter(({ status, version }) => status === 'applied' && version === current?.version));
  const rejected = sum(concerned.filter(({ status }) => status === 'rejected'));
  terminal.out(
    `${service}: ${there}; ${applied} of ${sum(concerned)} clients and servers have applied it, ${rejected} rejected\n`,
  );
  const rows = concerned.map(({ name, side, processes, hasCalled, status, version, inForce, follows, reason }) => [
    plainText(processes > 1 ? `${name} (${processes} processes)` : name),
    side,
    status === 'applied' ? style.good('applied') : style.bad('rejected'),
    String(version ?? '-'),
    String(inForce ?? '-'),
    plainText([follows.join('; ') || 'nothing', ...(hasCalled === false ? [UNCALLED] : [])].join('; ')),
    plainText(reason ?? '-'),
  ]);
  const head = ['who', 'side', 'status', 'version', 'in force', 'for it', 'reason'];
  terminal.out(formatTable({ head, rows, align: 'lllrrll' }));
  const [other] = others;
  if (other !== undefined) {
    const count = sum(others);
    const who = `${count} ${other.side}${count === 1 ? '' : 's'}`;
    terminal.out(`${who} left out: none of the rules is for ${other.side}s\n`);
  }
  return EXIT.ok;
}

/** What is on and dark for a client or a server: `retry: 0 retries, in force (on)`. */
export function policiesOf(report: RulesReport, history: readonly StoredRules[]): string {
  return followerOf(report, history).follows.join('; ') || 'nothing';
}

function stampIn({ setAt, setBy }: Pick<RulesDocument, 'setAt' | 'setBy'> = {}): object {
  return { setAt, setBy };
}

function setOf(document: Pick<RulesDocument, 'setAt' | 'setBy'>): string {
  const set = stampOf(document);
  return set === undefined ? '' : `, set ${plainText(set)}`;
}

function commentOf(comment: string | undefined): string {
  return comment === undefined || comment === '' ? '' : `: ${plainText(comment)}`;
}
