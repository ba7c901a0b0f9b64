// npm run bench:compare -- [--quick] [--peers "org-rpc grpc-js"] [--scenarios "TEXT;TEXT"] [--rounds N] [--slice MS] [--out FOLDER]
// Measures @org/rpc, all its defaults on, beside what is written by hand and what else one would pick, and writes a page with charts:
// into docs/benchmarks after a whole run, else into .cache/benchmarks.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installMissing, SetupError, setup } from '../../scripts/lib/setup.mjs';
import { measure } from './lib/measure.mjs';
import { pinned } from './lib/side.mjs';
import { summary } from './lib/statistics.mjs';
import { writeReport } from './report.mjs';
import { SCENARIOS } from './scenarios.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const REFERENCE = 'floor';
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    peers: { type: 'string' },
    scenarios: { type: 'string' },
    rounds: { type: 'string' },
    slice: { type: 'string' },
    out: { type: 'string' },
  },
});
const rounds = whole('rounds', values.rounds ?? (values.quick ? '3' : '7'));
const sliceMs = whole('slice', values.slice ?? (values.quick ? '300' : '500'));
const isWhole = !values.quick && values.peers === undefined && values.scenarios === undefined;
const out = values.out ?? join(ROOT, isWhole ? 'docs/benchmarks' : '.cache/benchmarks');

try {
  await setup();
  await installMissing('benchmarks');
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`bench:compare: ${error.message}`);
  process.exit(1);
}
const peers = await load();
const texts = (values.scenarios ?? '').split(';');
const scenarios = SCENARIOS.filter(
  ({ name, isQuick }) => (!values.quick || isQuick) && texts.some((text) => name.includes(text)),
);
if (scenarios.length === 0) throw new Error(`no scenario has ${values.scenarios} in its name`);

const begun = new Date();
const rows = [];
let path = '';
for (const [i, scenario] of scenarios.entries()) {
  const able = peers.filter(({ can }) => can.includes(scenario.nodes === undefined ? scenario.workload : 'nodes'));
  const head = `[${i + 1}/${scenarios.length}] ${scenario.name}`;
  const results = await measure(scenario, able, {
    rounds,
    sliceMs,
    ...(values.quick ? { warmUpMs: 500 } : {}),
    firstPort: 21_000 + (i % 8) * 500,
    say: (text) => progress(`${head}: ${text}`),
  });
  const reference = results.get(REFERENCE) ?? results.get('org-rpc');
  const row = { scenario, peers: [] };
  for (const peer of able) {
    const result = results.get(peer.name);
    row.peers.push(
      result instanceof Error
        ? { name: peer.name, error: result.message }
        : { name: peer.name, ...summary(result, Array.isArray(reference) ? reference : undefined) },
    );
  }
  rows.push(row);
  print(head, row);
  // After each scenario: a run that is stopped leaves what it has.
  path = write();
}

console.log(`\n${path}`);
process.exit(0);

function write() {
  mkdirSync(out, { recursive: true });
  return writeReport(out, {
    date: begun.toISOString().slice(0, 10),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      system: `${process.platform} ${release()}`,
      node: process.version,
      pinned,
    },
    rounds,
    sliceMs,
    peers: peers.map(({ name, title, note, version }) => ({ name, title, note, version })),
    rows,
  });
}

async function load() {
  const names = readdirSync(new URL('peers/', import.meta.url))
    .filter((file) => file.endsWith('.mjs'))
    .map((file) => file.slice(0, -'.mjs'.length));
  const wanted = values.peers?.split(/[ ,]+/).filter(Boolean) ?? names;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`no peer ${unknown}: there are ${names.join(', ')}`);
  const loaded = [];
  for (const name of wanted) {
    const module = await import(`./peers/${name}.mjs`);
    if (module.needs !== undefined && spawnSync(module.needs, ['--version']).error !== undefined) {
      console.log(`${module.title} is left out: there is no ${module.needs} on PATH`);
      continue;
    }
    loaded.push({ name, ...module, version: versionOf(module.packages ?? []) });
  }
  // What is compared comes first in every table.
  const rank = ({ name }) => ['org-rpc', 'floor', 'raw'].indexOf(name) + 1 || 9;
  return loaded.sort((a, b) => rank(a) - rank(b));
}

/** The installed versions of what a peer is made of. */
function versionOf(packages) {
  const version = (name) => {
    for (const folder of ['benchmarks/node_modules', 'node_modules']) {
      try {
        return JSON.parse(readFileSync(join(ROOT, folder, name, 'package.json'), 'utf8')).version;
      } catch {
        // In the other folder, then.
      }
    }
    return 'unknown';
  };
  return packages.map((name) => `${name} ${version(name)}`).join(', ');
}

function whole(name, text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name} is ${text}: give a whole number from 1`);
  return number;
}

function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

function print(head, row) {
  progress('');
  console.log(`\n${head}`);
  for (const peer of row.peers) {
    if (peer.error !== undefined)
      console.log(`  ${peer.name.padEnd(16)} ${peer.error.slice(0, 160).replaceAll('\n', ' ')}`);
    else {
      const text = [
        `${Math.round(peer.perSecond)}/s`.padStart(12),
        `${peer.ratio.toFixed(2)} x`.padStart(9),
        `CPU ${peer.clientUs.toFixed(1)} + ${peer.serverUs.toFixed(1)} us`.padEnd(24),
        `p50 ${Math.round(peer.p50Us)} p99 ${Math.round(peer.p99Us)} us`.padEnd(26),
        peer.failed > 0 ? `${peer.failed} failed: ${peer.firstError}` : '',
      ];
      console.log(`  ${peer.name.padEnd(16)}${text.join('  ').trimEnd()}`);
    }
  }
}
