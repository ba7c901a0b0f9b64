// npm run monitoring: a real Prometheus scrapes two servers and a client, every query of examples/monitoring is evaluated there, then a
// server is killed, and the alert about it must fire. Ends with code 1 when a query has no answer, or no alert comes.
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { alertQueries, dashboardQueries, monitoringFile } from './queries.js';

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
  readonly metricsPort: number;
}

/** Alerts that wait a minute in earnest wait so long here. */
const FOR = '2s';
const FIRES_WITHIN_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'rpc-monitoring-'));
const children: ChildProcess[] = [];
try {
  const finder = fileURLToPath(new URL('../../scripts/prometheus.mjs', import.meta.url));
  const found = execFileSync(process.execPath, [finder, 'ensure'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const binary = found.trim().split('\n').at(-1)!;
  const servers = [await start('server'), await start('server')];
  const client = await start('client', ...servers.map(({ port }) => `127.0.0.1:${port}`));
  const ask = await startPrometheus(
    binary,
    [...servers, client].map(({ metricsPort }) => `127.0.0.1:${metricsPort}`),
  );
  console.log('two servers, a client and a Prometheus run; ten seconds of metrics ...');
  await sleep(10_000);
  const isRight = await evaluateAll(ask);
  console.log('\nkilling a server ...');
  servers[0]!.child.kill('SIGKILL');
  const fired = await untilFires(ask);
  console.log(fired === undefined ? `FAIL no alert in ${FIRES_WITHIN_MS / 1_000} s` : `ok   ${fired}`);
  process.exitCode = isRight && fired !== undefined ? 0 : 1;
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

async function start(...args: string[]): Promise<Started> {
  const child = fork(fileURLToPath(new URL('shop.ts', import.meta.url)), args);
  children.push(child);
  const told = await new Promise<{ port?: number; metricsPort: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { metricsPort: number }));
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with code ${code} before it was ready`)));
  });
  return { child, port: told.port ?? 0, metricsPort: told.metricsPort };
}

type Ask = (path: string) => Promise<{ status: string; error?: string; data: never }>;

async function startPrometheus(binary: string, targets: readonly string[]): Promise<Ask> {
  const rules = monitoringFile('alerts.yml').replaceAll(/^(\s+for:) \S+$/gm, `$1 ${FOR}`);
  writeFileSync(join(folder, 'alerts.yml'), rules);
  const quoted = targets.map((target) => `'${target}'`).join(', ');
  writeFileSync(
    join(folder, 'prometheus.yml'),
    [
      'global: { scrape_interval: 1s, evaluation_interval: 1s }',
      'rule_files: [alerts.yml]',
      'scrape_configs:',
      `  - { job_name: shop, static_configs: [{ targets: [${quoted}] }] }`,
      '',
    ].join('\n'),
  );
  const port = await freePort();
  const child = spawn(binary, [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  children.push(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4_000);
  });
  const base = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error(`Prometheus ended with code ${child.exitCode}:\n${said}`);
    const ready = await fetch(`${base}/-/ready`).catch(() => undefined);
    if (ready?.ok) return async (path) => (await (await fetch(`${base}${path}`)).json()) as never;
    await sleep(100);
  }
  throw new Error(`Prometheus was not ready in 30 s:\n${said}`);
}

/** @returns whether each query is one, and each of the dashboard has an answer */
async function evaluateAll(ask: Ask): Promise<boolean> {
  let isRight = true;
  const tell = (isGood: boolean, where: string, what: string): void => {
    if (!isGood) isRight = false;
    console.log(`${isGood ? 'ok  ' : 'FAIL'} ${where.padEnd(52)} ${what}`);
  };
  for (const { where, expr } of [...dashboardQueries(), ...alertQueries()]) {
    const answer = await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { result = [] } = (answer.data ?? {}) as { result?: unknown[] };
    if (answer.status !== 'success') tell(false, where, answer.error ?? answer.status);
    else if (where.startsWith('alert')) tell(true, where, result.length === 0 ? 'quiet' : 'would fire');
    else tell(result.length > 0, where, `${result.length} series`);
  }
  return isRight;
}

async function untilFires(ask: Ask): Promise<string | undefined> {
  const until = performance.now() + FIRES_WITHIN_MS;
  while (performance.now() < until) {
    const { data } = await ask('/api/v1/alerts');
    const { alerts } = data as {
      alerts: { state: string; labels: { alertname: string }; annotations: { summary: string } }[];
    };
    const down = alerts.find(({ state, labels }) => state === 'firing' && labels.alertname === 'RpcEndpointsDown');
    if (down !== undefined) return `${down.labels.alertname} fires: ${down.annotations.summary}`;
    await sleep(500);
  }
  return undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
