import type { FleetView, InstanceView, RateView } from '@org/rpc-console';
import { plainText } from '@org/rpc-core/internal';
import type { Style } from '../format/style.js';
import { formatMs } from '../format/units.js';

/** What can be looked at. */
export const VIEWS = ['services', 'instances', 'callers'] as const;

/** By what the rows are sorted. */
export const SORTS = ['rate', 'errors', 'p99', 'name'] as const;

/** What the keys have chosen. */
export interface TopState {
  readonly view: (typeof VIEWS)[number];
  readonly sort: (typeof SORTS)[number];
  /** Only what belongs to this service; `undefined` for all. */
  readonly service: string | undefined;
  /** The first row that is shown. */
  readonly from: number;
  readonly isHalted: boolean;
  /** Whether nobody can press a key. */
  readonly isOnce?: boolean;
}

/** The room there is, in characters. */
export interface TopSize {
  readonly columns: number;
  readonly rows: number;
}

interface Row {
  readonly name: string;
  readonly rate: RateView;
  readonly cells: readonly string[];
  readonly tone: 'good' | 'warn' | 'bad' | undefined;
}

interface Sheet {
  readonly heads: readonly string[];
  readonly rows: readonly Row[];
}

/** The width of each cell but the first, which takes what is left. */
const CELL = 8;
const NAME_MIN = 12;
/** A head, a blank line and the heads of the columns above; the keys below. */
const LINES_AROUND = 4;

/** The picture as lines, none longer than the columns there are; what others have written comes without control characters. */
export function drawTop(view: FleetView, state: TopState, size: TopSize, style: Style): string[] {
  const { heads, rows } = sheetOf(view, state);
  const sorted = [...rows].sort((a, b) => compare(state.sort, a, b));
  const room = Math.max(1, size.rows - LINES_AROUND);
  const from = Math.max(0, Math.min(state.from, sorted.length - room));
  const shown = sorted.slice(from, from + room);
  const cells = heads.length - 1;
  // Columns at the right go first where there is no room.
  const fitting = Math.max(1, Math.min(cells, Math.floor((size.columns - NAME_MIN) / (CELL + 1))));
  const nameWidth = size.columns - fitting * (CELL + 1);
  const lineOf = (name: string, each: readonly string[]): string =>
    fit(name, nameWidth, true) +
    each
      .slice(0, fitting)
      .map((text) => ` ${fit(text, CELL, false)}`)
      .join('');
  const body = shown.map(({ name, cells: each, tone }) => {
    const line = lineOf(name, each);
    return tone === undefined ? line : style[tone](line);
  });
  const empty = rows.length === 0 ? [fit(emptyReason(view), size.columns, true)] : [];
  return [
    fit(headOf(view, state), size.columns, true),
    view.trouble === undefined
      ? ''
      : style.bad(fit(`the registry cannot be asked: ${view.trouble}`, size.columns, true)),
    style.bold(lineOf(heads[0]!, heads.slice(1))),
    ...body,
    ...empty,
    style.dim(fit(footOf(state, from, shown.length, sorted.length), size.columns, true)),
  ].map((line) => line.trimEnd());
}

/** What a key makes of what was chosen. */
export function afterKey(state: TopState, key: string): TopState {
  const number = ['1', '2', '3'].indexOf(key);
  if (number >= 0) return { ...state, view: VIEWS[number]!, from: 0 };
  if (key === '\t') return { ...state, view: VIEWS[(VIEWS.indexOf(state.view) + 1) % VIEWS.length]!, from: 0 };
  if (key === 's') return { ...state, sort: SORTS[(SORTS.indexOf(state.sort) + 1) % SORTS.length]!, from: 0 };
  if (key === ' ') return { ...state, isHalted: !state.isHalted };
  const by = { j: 1, k: -1, '\u001b[B': 1, '\u001b[A': -1, '\u001b[6~': 10, '\u001b[5~': -10 }[key];
  return by === undefined ? state : { ...state, from: Math.max(0, state.from + by) };
}

function sheetOf(view: FleetView, { view: kind, service }: TopState): Sheet {
  if (kind === 'services') {
    const rows = view.services.filter(({ name }) => service === undefined || name === service);
    return {
      heads: ['service', 'calls/s', 'errors', 'p50', 'p90', 'p99', 'inst.', 'rules'],
      rows: rows.map(({ name, rate, instances, rulesVersion }) => {
        const cells = [
          ...rateCells(rate).toSpliced(3, 0, formatMs(rate.p90 ?? rate.last?.p90)),
          String(instances.length),
          String(rulesVersion ?? '-'),
        ];
        return { name, rate, cells, tone: rate.errorPercent > 0 ? 'warn' : undefined };
      }),
    };
  }
  if (kind === 'instances') {
    const rows = view.instances.filter(({ services }) => service === undefined || services.includes(service));
    return {
      // The worst lag of a minute: the last one flickers with what stands still now and then.
      heads: ['instance', 'health', ...RATE_HEADS, 'lag 1m', 'running', 'weight', 'zone'],
      rows: rows.map(instanceRow),
    };
  }
  const rows = view.edges.filter((edge) => service === undefined || edge.service === service);
  return {
    heads: ['caller -> service at instance', ...RATE_HEADS],
    rows: rows.map(({ caller, service: called, instance, rate }) => {
      const name = `${caller} -> ${called} at ${instance}`;
      return { name, rate, cells: rateCells(rate), tone: rate.errorPercent > 0 ? 'warn' : undefined };
    }),
  };
}

function instanceRow(instance: InstanceView): Row {
  const { id, rate, server, weight, ruledWeights, loopLagMs, loopLagWorstMs, zone } = instance;
  const ruled = [...new Set(Object.values(ruledWeights))];
  const [health, tone] = healthOf(instance);
  const weights = ruled.length === 0 ? String(weight) : `${weight}>${ruled.join(',')}`;
  const load = server === undefined ? '-' : String(server.calls.running);
  const lag = formatMs(loopLagWorstMs ?? loopLagMs);
  return { name: id, rate, tone, cells: [health, ...rateCells(rate), lag, load, weights, zone ?? '-'] };
}

function healthOf({ state, report, server, standing }: InstanceView): [string, Row['tone']] {
  if (state === 'draining' || server?.status === 'draining') return ['draining', 'warn'];
  if (report === 'unreachable') return ['lost', 'bad'];
  if (state === 'unavailable') return ['unavail.', 'warn'];
  if (Object.values(server?.services ?? {}).some(({ health }) => health !== 'serving')) return ['unwell', 'bad'];
  if (standing !== undefined) return [standing, 'warn'];
  return report === 'answered' ? ['serving', undefined] : [report === 'pending' ? 'asked' : report, undefined];
}

const RATE_HEADS = ['calls/s', 'errors', 'p50', 'p99'] as const;

function rateCells({ perSecond, errorPercent, last, p50, p99 }: RateView): string[] {
  // Nothing now: the last percentiles, and how old they are.
  if (last !== undefined) return [`idle ${age(last.secondsAgo)}`, '-', formatMs(last.p50), formatMs(last.p99)];
  const errors = errorPercent === 0 ? '0 %' : errorPercent < 0.1 ? '<0.1 %' : `${errorPercent.toFixed(1)} %`;
  const calls = perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond));
  return [calls, errors, formatMs(p50), formatMs(p99)];
}

function p99Of({ rate }: Row): number {
  return rate.p99 ?? rate.last?.p99 ?? 0;
}

function age(seconds: number): string {
  return seconds < 100 ? `${seconds}s` : `${Math.floor(seconds / 60)}m`;
}

function compare(sort: TopState['sort'], a: Row, b: Row): number {
  const by = {
    rate: b.rate.perSecond - a.rate.perSecond,
    errors: b.rate.errorPercent - a.rate.errorPercent,
    p99: p99Of(b) - p99Of(a),
    name: 0,
  }[sort];
  return by || (a.name < b.name ? -1 : 1);
}

function headOf(view: FleetView, { view: kind, service, sort, isHalted }: TopState): string {
  const what = service === undefined ? kind : `${kind} of ${service}`;
  const time = new Date(view.at).toISOString().slice(11, 19);
  const omitted = view.omitted === undefined ? '' : `; ${view.omitted}`;
  return `${what} by ${sort}${isHalted ? ', halted' : ''}  ${time} UTC, of ${view.rateSeconds} s  ${view.registry}, ${view.namespace}${omitted}`;
}

function footOf({ isOnce = false }: TopState, from: number, shown: number, all: number): string {
  const rows = all === 0 ? 'nothing' : `${from + 1} to ${from + shown} of ${all}`;
  return isOnce ? rows : `${rows}  1 services 2 instances 3 callers  s sort  j k scroll  space halt  q end`;
}

function emptyReason(view: FleetView): string {
  if (view.instances.length === 0) return 'nothing is registered here';
  const isSilent = view.instances.every(({ report }) => report === 'off' || report === 'refused');
  return isSilent
    ? 'the servers tell nothing: they need the option operator, and its token is given here'
    : 'no calls yet';
}

/** Exactly so wide: cut with a mark, or filled with blanks. Names are of others. */
function fit(text: string, width: number, left: boolean): string {
  const safe = plainText(text);
  const cut = safe.length > width ? `${safe.slice(0, Math.max(0, width - 1))}~` : safe;
  return left ? cut.padEnd(width) : cut.padStart(width);
}
