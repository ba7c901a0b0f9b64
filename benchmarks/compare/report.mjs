import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { barChart } from './chart.mjs';
import { size } from './scenarios.mjs';

const OWN = 'org-rpc';
/** A peer that is faster by less than this is as fast: such machines vary by it. */
const NOTICEABLE = 1.03;
const ABOUT_ERRORS = `
The handler fails in one call of a hundred, each peer in its own way: that is an answer, and not among those that failed. The last column compares with the same
calls without errors, in a slice of their own in each round.
`;

/**
 * Writes `README.md`, `compare.json` and a chart a scenario.
 *
 * @param {string} folder that exists
 * @param {object} run what was measured, on what and with what
 * @returns {string} path of the page
 */
export function writeReport(folder, run) {
  const titles = new Map(run.peers.map(({ name, title }) => [name, title]));
  const charts = [];
  for (const { scenario, peers } of run.rows) {
    const bars = peers
      .filter(({ error }) => error === undefined)
      .map(({ name, perSecond }) => ({
        label: titles.get(name),
        value: perSecond,
        text: `${count(perSecond)}/s`,
        isOwn: name === OWN,
      }));
    const file = `${slug(scenario.name)}.svg`;
    const unit = `${scenario.workload === 'items' ? 'items' : 'calls'} a second, more is better`;
    writeFileSync(join(folder, file), barChart(sentence(scenario.name), unit, bars));
    charts.push(file);
  }
  writeFileSync(join(folder, 'compare.json'), `${JSON.stringify(run, undefined, 2)}\n`);
  const path = join(folder, 'README.md');
  writeFileSync(path, page(run, titles, charts));
  return path;
}

function page(run, titles, charts) {
  const { machine } = run;
  const waited = Math.max(
    ...run.rows.flatMap(({ peers }) => peers.map((peer) => peer.waited ?? 0)).filter(Number.isFinite),
  );
  const versions = run.peers.map(({ title, note, version }) => `| ${title} | ${version} | ${note} |`).join('\n');
  const sections = run.rows.map(({ scenario, peers }, i) => section(scenario, peers, titles, charts[i])).join('\n');
  return `# Benchmarks

Made by \`npm run bench:compare\` on ${run.date}: ${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node.js ${machine.node}.

Each peer has a server process and a client process${machine.pinned ? ', each kept on a core of its own' : ''}, with some 20 MB of live objects
in each, as a service has. All are warm, and run in turns, ${run.rounds} slices of ${run.sliceMs} ms; a figure is the median of the slices. *x floor* is the median of the ratios of the
slices to those of the floor beside them (where the floor cannot do it, to @org/rpc): compare these, since absolute figures are of one
machine. CPU is what both processes used for a call. While they ran, processes that could have run waited for a processor at most ${percent(waited)} of the time.

Run it on your machine: it installs the peers into \`benchmarks/\`, apart from everything else. \`-- --quick\` takes a few minutes and writes into
\`.cache/benchmarks\`.

## Who takes part
Each is set up as its own documentation advises for speed.

| | version | |
|---|---|---|
${versions}

## Where @org/rpc is not the fastest
${losses(run.rows, titles)}

${sections}`;
}

function losses(rows, titles) {
  const lines = [];
  for (const { scenario, peers } of rows) {
    const own = peers.find(({ name }) => name === OWN);
    if (own?.perSecond === undefined) continue;
    const faster = peers.filter(({ perSecond }) => perSecond > own.perSecond * NOTICEABLE);
    if (faster.length === 0) continue;
    const list = faster.map(
      ({ name, perSecond }) => `${titles.get(name)} (${(perSecond / own.perSecond).toFixed(2)} x)`,
    );
    lines.push(`- ${sentence(scenario.name)}: ${list.join(', ')}`);
  }
  return lines.length === 0 ? 'Nowhere in this run.' : lines.join('\n');
}

function section(scenario, peers, titles, chart) {
  const isItems = scenario.workload === 'items';
  const hasErrors = scenario.workload === 'errors';
  const rows = peers.map((peer) => {
    const name = titles.get(peer.name);
    if (peer.error !== undefined)
      return `| ${name} | could not be measured: ${peer.error.split('\n')[0].replaceAll('|', '/').slice(0, 120)} | | | | | |`;
    const rate = isItems
      ? `${count(peer.perSecond)} (${count((peer.perSecond * scenario.bytes) / 1e6)} MB)`
      : count(peer.perSecond);
    const cells = [
      peer.name === OWN ? `**${name}**` : name,
      rate,
      peer.ratio.toFixed(2),
      `${us(peer.clientUs)} + ${us(peer.serverUs)}`,
      peer.cpuRatio.toFixed(2),
      isItems ? '' : `${us(peer.p50Us)}, ${us(peer.p99Us)}`,
      String(peer.failed),
      ...(hasErrors ? [peer.errorRatio.toFixed(2)] : []),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const heads = [
    isItems ? 'items/s' : 'calls/s',
    'x floor',
    'CPU us, client + server',
    'x floor',
    'p50, p99 us',
    'failed',
  ];
  if (hasErrors) heads.push('CPU, x without errors');
  return `## ${sentence(scenario.name)}
![${sentence(scenario.name)}${scenario.workload === 'binary' ? `, ${size(scenario.bytes)} there and back` : ''}](${chart})
${hasErrors ? ABOUT_ERRORS : ''}
| | ${heads.join(' | ')} |
|${'---|'.repeat(heads.length + 1)}
${rows.join('\n')}
`;
}

function slug(name) {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function count(number) {
  return number >= 10 ? Math.round(number).toLocaleString('en-US') : number.toFixed(1);
}

function us(number) {
  return number >= 100 ? Math.round(number).toLocaleString('en-US') : number.toFixed(1);
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}
