import type { ClientProcess } from './client-process.js';
import { formatCount, formatMs, formatSeconds, pad, type Style } from './format.js';
import type { NodeReport } from './messages.js';
import type { ProcessState, ServerProcess } from './server-process.js';

/** What the table shows. */
export interface Scene {
  readonly style: Style;
  readonly servers: readonly ServerProcess[];
  readonly client: ClientProcess | undefined;
  readonly elapsedMs: number;
  readonly durationMs: number;
}

interface Column {
  readonly head: string;
  readonly width: number;
  readonly align: 'left' | 'right';
}

// Fixed widths: a table that is redrawn must hold still.
const COLUMNS: readonly Column[] = [
  { head: 'server', width: 8, align: 'left' },
  { head: 'address', width: 15, align: 'left' },
  { head: 'process', width: 8, align: 'left' },
  { head: 'client sees', width: 11, align: 'left' },
  { head: 'calls', width: 10, align: 'right' },
  { head: 'calls/s', width: 8, align: 'right' },
  { head: 'p50', width: 7, align: 'right' },
  { head: 'errors', width: 6, align: 'right' },
];

/** No news from the client for so long are news, in milliseconds. */
const SILENCE_MS = 2_000;

/** The table of all servers, as it is now; after the end with the figures of the whole run. */
export function tableLines(scene: Scene): string[] {
  const { style, client } = scene;
  const report = client?.report;
  const isOver = report?.isLast === true;
  const head = COLUMNS.map(({ head, width, align }) => pad(head, width, align)).join('  ');
  const all = [
    style.bold('all'),
    '',
    '',
    '',
    formatCount(report?.calls ?? 0),
    formatRate(isOver ? averageRate(report.calls, scene) : client?.rate()),
    formatMs(report?.latency.p50),
    formatCount(report?.nodes.reduce((sum, { errors }) => sum + errors, 0) ?? 0),
  ];
  return [
    `  ${style.dim(head)}`,
    ...scene.servers.map((server) => line(serverCells(scene, server, isOver))),
    line(all),
    ...(isOver ? [] : ['', `  ${statusLine(scene)}`]),
  ];
}

/** What stands in the place of a table where nothing can be redrawn: one line. */
export function progressLine(scene: Scene): string {
  const { client } = scene;
  const servers = scene.servers.map((server) => {
    const rate =
      client?.node(server.address)?.state === 'ready' ? formatRate(client.rate(server.address)) : server.state;
    return `${server.name} ${pad(rate, 8, 'right')}`;
  });
  const rate = pad(formatRate(client?.rate()), 7, 'right');
  const p50 = pad(formatMs(client?.report?.latency.p50), 7, 'right');
  const time = pad(formatSeconds(scene.elapsedMs), 6, 'right');
  const { failed = 0, retries = 0 } = client?.report ?? {};
  return `  ${time}  ${rate} calls/s  p50 ${p50}  failed ${failed}  retries ${retries}  |  ${servers.join('  ')}`;
}

function statusLine(scene: Scene): string {
  const { style, client } = scene;
  const time = `${formatSeconds(scene.elapsedMs)} of ${formatSeconds(scene.durationMs)}`;
  const silentMs = Date.now() - (client?.report?.at ?? Date.now());
  const silence = silentMs < SILENCE_MS ? '' : style.bad(`   no report from the client for ${formatSeconds(silentMs)}`);
  return `${time}   ${counts(scene)}${silence}`;
}

function counts({ client, style }: Scene): string {
  const { failed = 0, retries = 0 } = client?.report ?? {};
  const text = `calls failed: ${formatCount(failed)}`;
  return `${failed === 0 ? style.good(text) : style.bad(text)}  retries: ${formatCount(retries)}`;
}

function serverCells(scene: Scene, server: ServerProcess, isOver: boolean): string[] {
  const { style, client } = scene;
  const { address, state } = server;
  const node = client?.node(address);
  const calls = node?.calls ?? 0;
  const errors = node?.errors ?? 0;
  return [
    style.bold(server.name),
    address ?? '-',
    paintProcess(style, state),
    paintNode(style, node),
    formatCount(calls),
    formatRate(isOver ? averageRate(calls, scene) : client?.rate(address ?? '')),
    formatMs(isOver ? node?.p50OfAll : node?.p50),
    errors === 0 ? '0' : style.warn(formatCount(errors)),
  ];
}

function paintProcess(style: Style, state: ProcessState): string {
  if (state === 'running') return style.good(state);
  return state === 'killed' || state === 'ended' ? style.bad(state) : style.warn(state);
}

function paintNode(style: Style, node: NodeReport | undefined): string {
  if (node === undefined) return style.dim('-');
  if (node.state === 'ready') return style.good(node.state);
  return node.state === 'gone' ? style.dim(node.state) : style.warn(node.state);
}

function line(cells: readonly string[]): string {
  return `  ${COLUMNS.map(({ width, align }, index) => pad(cells[index] ?? '', width, align)).join('  ')}`;
}

/** Over the whole run, so that those of the servers add up. */
function averageRate(calls: number, { client }: Scene): number | undefined {
  const elapsedMs = client?.report?.elapsedMs ?? 0;
  return elapsedMs > 0 ? (calls * 1000) / elapsedMs : undefined;
}

function formatRate(rate: number | undefined): string {
  return rate === undefined ? '-' : formatCount(rate);
}
