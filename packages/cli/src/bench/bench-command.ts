import { writeFileSync } from 'node:fs';
import { formatJson } from '@org/rpc-core/internal';
import { CliError, EXIT, failureLine } from '../cli-error.js';
import type { Command } from '../command.js';
import { createStyle } from '../format/style.js';
import type { CommandLine } from '../options/command-line.js';
import type { Terminal } from '../terminal.js';
import { cliVersion } from '../version.js';
import { BENCH_SPECS, type BenchOptions, resolveBenchOptions } from './bench-options.js';
import { createReport } from './create-report.js';
import { systemMeter } from './load/generator-meter.js';
import { runLoad } from './load/run-load.js';
import type { BenchTarget } from './load/target.js';
import { createProgress, silentProgress } from './progress.js';
import { formatComparison, readBaseline } from './report/compare.js';
import { type BenchReport, currentEnvironment } from './report/report.js';
import { formatHtml } from './report/report-html.js';
import { formatReport, warnings } from './report/report-text.js';
import { crossedThresholds } from './report/thresholds.js';
import { openRpcTarget } from './rpc-target.js';
import { seededRandom } from './seeded-random.js';
import { startSelfServer } from './self-server.js';

/** `rpc bench`: puts a load on a method and tells how it went. */
export const benchCommand: Command = {
  name: 'bench',
  summary: 'measure the throughput and the latency of a method',
  usage: ['rpc bench <service.method> [arguments] [options]', 'rpc bench --self [options]'],
  options: BENCH_SPECS,
  notes: [
    'Arguments are JSON where they parse as JSON, else strings. A word that begins with a dash goes behind --.',
    'Closed loop (the default): --concurrency callers call again as soon as they are answered; finds the highest throughput.',
    'Open loop (--rate): calls start on a schedule. Response time counts from when a call was due, service time from when it',
    'was sent, late start is the difference: it includes the 1 ms grain of timers.',
    'Percentiles are of successful calls. Errors are told by their codes.',
    'SIGINT ends the run and prints what was measured; a second one exits at once.',
  ],
  examples: [
    'rpc bench calculator.sum 1 2 --duration 10s --connections 4 --concurrency 64',
    'rpc bench calculator.sum 1 2 --registry etcd://10.0.0.1:2379 --rate 20000 --html report.html',
    "rpc bench --self --payload 1k --json --fail-on 'p99>10ms,errors>0.1%'",
  ],
  run: runBench,
};

async function runBench(line: CommandLine, terminal: Terminal): Promise<number> {
  const options = resolveBenchOptions(line, () => Math.floor(terminal.random() * 2 ** 32), terminal.environment);
  // Read first: a wrong file name must not cost the whole run.
  const baseline = options.compare === undefined ? undefined : readBaseline(options.compare);
  const report = await measure(options, terminal);
  const crossed = crossedThresholds(options.thresholds, report, baseline);
  printReport(report, baseline, options, terminal);
  for (const text of crossed) terminal.err(`rpc bench: threshold crossed: ${text}\n`);
  if (!report.result.complete) return EXIT.interrupted;
  if (crossed.length > 0) return EXIT.thresholdCrossed;
  if (report.result.ok > 0) return EXIT.ok;
  terminal.err('rpc bench: no call succeeded\n');
  return EXIT.failed;
}

async function measure(options: BenchOptions, terminal: Terminal): Promise<BenchReport> {
  const interruption = new AbortController();
  const stopListening = terminal.onInterrupt(() => {
    // Whoever presses Ctrl-C twice does not want to wait for the calls in flight.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  });
  let target: BenchTarget | undefined;
  const server = options.self ? await startSelfServer(terminal.clock) : undefined;
  try {
    const registry = server?.registry ?? options.registry;
    target = await openRpcTarget({ ...options, registry }, terminal, interruption.signal);
    return await load(options, target, interruption.signal, terminal);
  } finally {
    stopListening();
    await target?.close();
    await server?.stop();
  }
}

async function load(
  options: BenchOptions,
  target: BenchTarget,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<BenchReport> {
  const { clock } = terminal;
  const progress = options.json || options.quiet ? silentProgress() : createProgress(terminal);
  const startedWallMs = clock.wallNow();
  try {
    const measurement = await runLoad({
      clock,
      random: seededRandom(options.seed),
      target,
      load: options.load,
      span: options.span,
      meter: systemMeter(),
      onInterval: (interval) => progress.interval(interval),
      signal,
    });
    const environment = currentEnvironment();
    const { registry } = target;
    return createReport({ version: cliVersion(), startedWallMs, options, registry, environment, measurement });
  } finally {
    progress.end();
  }
}

function printReport(
  report: BenchReport,
  baseline: BenchReport | undefined,
  options: BenchOptions,
  terminal: Terminal,
): void {
  if (options.html !== undefined) writeReport(options.html, formatHtml(report));
  if (options.json) {
    terminal.out(`${formatJson(report)}\n`);
    // On stderr as well: a reader of the JSON output would never see them.
    for (const warning of warnings(report)) terminal.err(`rpc bench: ${warning}\n`);
    return;
  }
  const style = createStyle(terminal.outIsTerminal, terminal.environment);
  terminal.out(formatReport(report, style));
  if (baseline !== undefined) terminal.out(`\n${formatComparison(baseline, report, style)}`);
}

function writeReport(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliError(`--html cannot write ${file}: ${failureLine(error)}`, { cause: error });
  }
}
