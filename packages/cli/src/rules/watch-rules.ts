import { rulesDifference, stampOf } from '@org/rpc-console';
import type { RulesDocument } from '@org/rpc-core';
import { formatJson, plainText, storedRules } from '@org/rpc-core/internal';
import type { RulesReport, StoredRules } from '@org/rpc-registry';
import { EXIT, failureLine } from '../cli-error.js';
import { untilInterrupted } from '../until-interrupted.js';
import type { RulesTask } from './rules-task.js';
import { policiesOf } from './show-rules.js';

/** How often reports are read while they are watched, in milliseconds. */
const POLL_MS = 500;

/** `rpc rules watch`: tells of each change and of each report, until it is interrupted. */
export async function watchRules(task: RulesTask): Promise<number> {
  const { service, source, store, terminal } = task;
  let before: RulesDocument | undefined;
  const watch = source.watch(service, (text) => {
    before = tellChange(task, before, text);
  });
  const known = new Map<string, string>();
  let trouble = '';
  await untilInterrupted(terminal, POLL_MS, async () => {
    try {
      const reports = await store.reports(service);
      tellReports(task, known, reports, reports.length === 0 ? [] : await store.history(service));
      trouble = '';
    } catch (error) {
      const line = failureLine(error);
      if (line !== trouble) terminal.err(`${line}\n`);
      trouble = line;
    }
  });
  watch.close();
  return EXIT.interrupted;
}

function tellChange(
  task: RulesTask,
  before: RulesDocument | undefined,
  text: string | undefined,
): RulesDocument | undefined {
  const { service, terminal, isJson } = task;
  const stored = text === undefined ? undefined : storedRules(text);
  if (isJson) {
    const { document, problem } = stored ?? {};
    terminal.out(`${formatJson({ event: 'rules', service, document: document ?? null, problem }, 0)}\n`);
  } else if (stored === undefined) terminal.out(`${service}: no rules\n`);
  else if (stored.document === undefined) terminal.out(`${service}: not valid: ${plainText(stored.problem ?? '')}\n`);
  else {
    const { version, comment } = stored.document;
    const set = stampOf(stored.document);
    terminal.out(
      `${service}: version ${version}${set === undefined ? '' : `, set ${plainText(set)}`}${comment ? `: ${plainText(comment)}` : ''}\n`,
    );
    for (const line of rulesDifference(before, stored.document)) terminal.out(`  ${line}\n`);
  }
  return stored === undefined ? undefined : (stored.document ?? before);
}

function tellReports(
  task: RulesTask,
  known: Map<string, string>,
  reports: readonly RulesReport[],
  history: readonly StoredRules[],
): void {
  const { terminal, isJson } = task;
  const tell = (event: string, report: object, line: string): void =>
    terminal.out(isJson ? `${formatJson({ event, ...report }, 0)}\n` : `  ${plainText(line)}\n`);
  for (const report of reports) {
    const text = JSON.stringify(report);
    const who = reporterOf(report);
    if (known.get(who) === text) continue;
    known.set(who, text);
    const { status, version = 'unreadable', reason } = report;
    const why = reason === undefined ? policiesOf(report, history) : reason;
    tell('report', report, `${who} has ${status} version ${version}: ${why}`);
  }
  const left = new Set(reports.map(reporterOf));
  for (const [who, text] of known) {
    if (left.has(who)) continue;
    known.delete(who);
    const { instance, process } = JSON.parse(text) as RulesReport;
    tell('gone', { instance, process }, `${who} is gone`);
  }
}

/** Of a client its name and its process, of which there may be several. */
function reporterOf({ instance, process }: RulesReport): string {
  return process === undefined ? instance : `${instance} (${process})`;
}
