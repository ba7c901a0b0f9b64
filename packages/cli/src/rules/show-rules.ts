import { ruleRows, summaryOf } from '@org/rpc-console';
import { formatJson, plainText, RULE_POLICIES } from '@org/rpc-core/internal';
import type { RulesReport } from '@org/rpc-registry';
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
  terminal.out(`${service}, version ${document.version}${commentOf(document.comment)}\n`);
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
    plainText(document?.comment ?? '-'),
  ]);
  terminal.out(formatTable({ head: ['version', 'rules', 'comment'], rows, align: 'lll' }));
  return EXIT.ok;
}

/** `rpc rules status`: what clients and servers make of the rules. */
export async function showStatus({ service, store, isJson, terminal, style }: RulesTask): Promise<number> {
  const [current, reports] = [await store.get(service), await store.reports(service)];
  if (isJson) {
    terminal.out(`${formatJson({ service, current: current?.version, reports })}\n`);
    return EXIT.ok;
  }
  const there = current === undefined ? 'no rules' : `version ${current.version}`;
  const applied = reports.filter(({ status, version }) => status === 'applied' && version === current?.version).length;
  const rejected = reports.filter(({ status }) => status === 'rejected').length;
  terminal.out(
    `${service}: ${there}; ${applied} of ${reports.length} clients and servers have applied it, ${rejected} rejected\n`,
  );
  const rows = reports.map((report) => [
    plainText(report.instance),
    report.status === 'applied' ? style.good('applied') : style.bad('rejected'),
    String(report.version ?? '-'),
    String(report.inForce ?? '-'),
    policiesOf(report),
    plainText(report.reason ?? '-'),
  ]);
  const head = ['who', 'status', 'version', 'in force', 'for it', 'reason'];
  terminal.out(formatTable({ head, rows, align: 'llrrll' }));
  return EXIT.ok;
}

/** What is on and dark for a client: `retry on, timeout dark`. */
export function policiesOf({ policies }: RulesReport): string {
  const some = RULE_POLICIES.filter((policy) => policies[policy] !== 'off');
  return some.map((policy) => `${policy} ${policies[policy]}`).join(', ') || 'nothing';
}

function commentOf(comment: string | undefined): string {
  return comment === undefined || comment === '' ? '' : `: ${plainText(comment)}`;
}
