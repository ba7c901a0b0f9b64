// npm run bench:cores -- [--most N] [--rounds N] [--slice MS] [--out FOLDER]
// What several cores give: N workers of one server, called by N client processes, against one of each in the same run. Writes
// docs/benchmarks/cores.md with a chart.
import { fork } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { SetupError, setup } from '../../scripts/lib/setup.mjs';
import { barChart } from '../compare/chart.mjs';
import { startSide } from '../compare/lib/side.mjs';
import { median } from '../compare/lib/statistics.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SERVER = fileURLToPath(new URL('server.mjs', import.meta.url));
const FIRST_PORT = 26_500;
const CALLERS = 64;
/** Microseconds of the clock in which the system counts a process's time: USER_HZ is 100 on every Linux (proc(5)). */
const TICK_US = 10_000;
const { values } = parseArgs({
  options: {
    most: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '7' },
    slice: { type: 'string', default: '1000' },
    out: { type: 'string', default: join(ROOT, 'docs/benchmarks') },
  },
});
const [most, rounds, sliceMs] = [Number(values.most), Number(values.rounds), Number(values.slice)];
if (![most, rounds, sliceMs].every((value) => Number.isInteger(value) && value > 0) || most > 64) {
  console.error('bench:cores: --most takes 1 to 64, --rounds and --slice (ms) a whole number above 0');
  process.exit(2);
}
try {
  await setup();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`bench:cores: ${error.message}`);
  process.exit(1);
}

const counts = [1, 2, 4, 8, 16, 32, 64].filter((count) => count <= most);
const cores = availableParallelism();
const points = [];
try {
  for (const [i, count] of counts.entries()) {
    say(`${count} ${count === 1 ? 'worker' : 'workers'}: starts`);
    points.push(await start(count, FIRST_PORT + i));
    await slice(points.at(-1), 2 * sliceMs);
  }
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (const point of round % 2 === 0 ? points : points.toReversed()) point.samples.push(await slice(point, sliceMs));
  }
} finally {
  say('');
  for (const { server, clients } of points) {
    for (const client of clients) client.end();
    server.disconnect();
  }
}
report(points.map(summary));
process.exit(0);

async function start(count, port) {
  const server = fork(SERVER, [String(port), String(count)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const { pids } = await new Promise((resolve, reject) => {
    server.once('message', resolve);
    server.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)));
  });
  const scenario = JSON.stringify({ workload: 'object', callers: CALLERS });
  const clients = await Promise.all(
    Array.from({ length: count }, () => startSide('client', ['org-rpc', String(port), scenario])),
  );
  return { count, server, pids, clients, samples: [] };
}

async function slice({ pids, clients }, ms) {
  const cpu = () => pids.reduce((sum, pid) => sum + cpuUs(pid), 0);
  const before = cpu();
  const all = await Promise.all(clients.map((client) => client.ask({ ms })));
  const after = cpu();
  const failed = all.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw new Error(failed.error);
  const sum = (of) => all.reduce((total, one) => total + of(one), 0);
  const count = sum((one) => one.count);
  return {
    perSecond: sum((one) => one.perSecond),
    clientUs: sum((one) => one.cpuUs) / count,
    serverUs: (after - before) / count,
    failed: sum((one) => one.failed),
  };
}

/** Of all threads of a process: user and system time (proc(5), stat). */
function cpuUs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function summary({ count, samples }) {
  const [first] = points;
  // Of each round by itself: whatever else the machine did then slowed both.
  const against = (of) => median(samples.map((sample, i) => of(sample, first.samples[i])));
  const cpu = ({ clientUs, serverUs }) => clientUs + serverUs;
  return {
    count,
    perSecond: median(samples.map(({ perSecond }) => perSecond)),
    clientUs: median(samples.map(({ clientUs }) => clientUs)),
    serverUs: median(samples.map(({ serverUs }) => serverUs)),
    failed: samples.reduce((sum, { failed }) => sum + failed, 0),
    efficiency: against((sample, one) => sample.perSecond / one.perSecond / count),
    perCore: against((sample, one) => cpu(one) / cpu(sample)),
  };
}

function report(rows) {
  const share = (value) => `${Math.round(value * 100)} %`;
  const name = (count) => (count === 1 ? '1 and 1' : `${count} and ${count}`);
  const bars = rows.map(({ count, perCore }) => ({
    label: name(count),
    value: perCore,
    text: share(perCore),
    isOwn: true,
  }));
  const beyond = rows.filter(({ count }) => 2 * count > cores).map(({ count }) => name(count));
  const crowded =
    beyond.length === 0
      ? ''
      : `\nThis machine has ${cores} cores, and ${beyond.join(', ')} processes want more: they share them, so that calls/s cannot grow there. What a call
costs of a core can be compared all the same.\n`;
  mkdirSync(values.out, { recursive: true });
  writeFileSync(
    join(values.out, 'cores.svg'),
    barChart(
      'Calls that a core carries',
      'against one worker and one client process; workers and client processes',
      bars,
      {
        isSorted: false,
      },
    ),
  );
  const path = join(values.out, 'cores.md');
  writeFileSync(
    path,
    `# Several cores

Made by \`npm run bench:cores\` on ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model}, ${cores} cores, Node.js ${process.version}. One server with
[workers](../workers.md) on one port, called by as many client processes with ${CALLERS} callers each: small objects, all defaults on. All are warm and run in turns;
medians of ${rounds} slices of ${sliceMs} ms, ratios of slices of the same round.

![Calls that a core carries](cores.svg)

*Calls/s a process* is the rate divided by that of one worker and one client, and by their number: what is left where each has a core of its own. *Calls a core* is
the same by the CPU time that a call takes in all processes: what several processes cost each other through one port, one kernel and one memory.
${crowded}
| workers and clients | calls/s | CPU us, client + server | calls/s a process | calls a core | failed |
|---|---|---|---|---|---|
${rows.map((row) => `| ${name(row.count)} | ${Math.round(row.perSecond).toLocaleString('en-US')} | ${row.clientUs.toFixed(1)} + ${row.serverUs.toFixed(1)} | ${share(row.efficiency)} | ${share(row.perCore)} | ${row.failed} |`).join('\n')}
`,
  );
  for (const row of rows)
    console.log(
      `${name(row.count).padStart(9)}  ${Math.round(row.perSecond)}/s  ${(row.clientUs + row.serverUs).toFixed(1)} us a call  ${share(row.efficiency)} a process  ${share(row.perCore)} a core`,
    );
  console.log(`\n${path}`);
}

function say(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
