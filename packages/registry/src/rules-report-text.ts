import type { RuleMode, RulePolicy } from '@org/rpc-core';
import { assertFits, assertNumber, modesOf, readJson } from '@org/rpc-core/internal';
import type { RulesReport } from './rules-source.js';

/** The longest report that is read, in bytes. */
const REPORT_BYTES_MAX = 8_192;

/** How long a report counts after its client was last heard of, in milliseconds. */
export const REPORT_TTL_MS = 60_000;

/** Under which key a report is kept: of a client its name and its process, of a server the name that it reports by. */
export function reportKey({ instance, process }: Pick<RulesReport, 'instance' | 'process'>): string {
  return process === undefined ? instance : `${instance}@${process}`;
}

/** The JSON of a report, as registries keep it. */
export function formatReport(report: RulesReport): string {
  return JSON.stringify({ ...report, reason: report.reason?.slice(0, REASON_LENGTH_MAX) });
}

/** Reads a report that anybody may have written; `undefined` for what is none. */
export function parseReport(text: string): RulesReport | undefined {
  try {
    const value = readJson('report', text, { bytesMax: REPORT_BYTES_MAX, depthMax: DEPTH_MAX }) as Record<
      string,
      unknown
    >;
    const { instance, process, hasCalled, status, version, reason, inForce, at } = value;
    assertFits('report', 'instance', 'text', instance, isText(instance));
    assertFits('report', 'status', 'a status', status, status === 'applied' || status === 'rejected');
    for (const each of [version, inForce]) if (each !== undefined) assertNumber('report', 'version', each);
    if (process !== undefined) assertFits('report', 'process', 'text', process, isText(process));
    if (hasCalled !== undefined)
      assertFits('report', 'hasCalled', 'true or false', hasCalled, typeof hasCalled === 'boolean');
    if (reason !== undefined) assertFits('report', 'reason', 'text', reason, isText(reason));
    assertNumber('report', 'at', at);
    const policies = readPolicies(value['policies']);
    const of = { ...(process !== undefined && { process }), ...(hasCalled !== undefined && { hasCalled }) };
    return Object.freeze({ instance, ...of, status, version, reason, inForce, policies, at }) as RulesReport;
  } catch {
    return undefined;
  }
}

const REASON_LENGTH_MAX = 1_000;
const DEPTH_MAX = 3;
const MODES: ReadonlySet<unknown> = new Set<RuleMode>(['off', 'dark', 'on']);

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= REASON_LENGTH_MAX;
}

/** Policies that this version does not know are left out; those that the writer did not know are off. */
function readPolicies(value: unknown): Readonly<Record<RulePolicy, RuleMode>> {
  return modesOf((policy) => {
    const mode = (value as Partial<Record<RulePolicy, RuleMode>> | undefined)?.[policy];
    return mode !== undefined && MODES.has(mode) ? mode : 'off';
  });
}
