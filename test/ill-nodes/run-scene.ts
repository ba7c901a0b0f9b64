import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Figures, Scene } from './scenes.js';

/** How long and how hard a run is. */
export interface Load {
  readonly perSecond: number;
  /** Measured before the fault, and with it, in seconds. */
  readonly beforeS: number;
  readonly faultS: number;
}

const NODES = 3;

/** What `rpc bench` does before it measures, in milliseconds. */
const WARM_UP_MS = 2_000;

/** What is read of a report of the bench. */
interface Report {
  readonly result: {
    readonly calls: number;
    readonly errors: number;
    readonly serviceTime: { readonly p99Ms: number; readonly maxMs: number };
    readonly series: readonly {
      readonly phase: string;
      readonly startMs: number;
      readonly errors: number;
      readonly p99Ms: number | null;
    }[];
  };
}

const OPTIONS = ['--import=tsx', '--conditions=@org/source'];
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Runs `rpc bench` against three node processes of which some become ill. @param scene - left out: all stay well */
export async function runScene(scene: Scene | undefined, load: Load): Promise<Figures> {
  const directory = await mkdtemp(join(tmpdir(), 'rpc-ill-'));
  const registry = `local:${directory}`;
  const nodes = await Promise.all(Array.from({ length: NODES }, () => startNode(registry)));
  try {
    if (scene?.rules !== undefined) {
      const file = join(directory, 'rules.json');
      await writeFile(file, JSON.stringify(scene.rules));
      await rpc(['rules', 'set', 'ill', file, '--registry', registry, '--json']);
    }
    const { beforeS, faultS } = load;
    const perSecond = Math.max(load.perSecond, scene?.perSecond ?? 0);
    const args = ['bench', 'ill.work', '--registry', registry, '--rate', `${perSecond}`, '--json', '--seed', '1'];
    args.push('--duration', `${beforeS + faultS}s`, ...(scene?.isIdempotent === true ? ['--idempotent'] : []));
    const called = Promise.race(nodes.map((node) => new Promise((resolve) => node.stdout!.once('data', resolve))));
    const struck = called.then(async () => {
      await sleep(WARM_UP_MS + 1_000 * beforeS);
      for (const node of nodes.slice(0, scene?.nodes ?? 1)) if (scene !== undefined) strike(node, scene.fault);
    });
    const report = JSON.parse(await rpc(args)) as Report;
    await struck;
    return figuresOf(report, beforeS);
  } finally {
    await Promise.all(nodes.map(end));
    await rm(directory, { recursive: true, force: true });
  }
}

function strike(node: ChildProcess, fault: Scene['fault']): void {
  if (typeof fault === 'string') node.kill(fault);
  else node.stdin!.write(`${JSON.stringify(fault)}\n`);
}

async function startNode(registry: string): Promise<ChildProcess> {
  const args = [...OPTIONS, pathOf('./node-process.ts'), registry];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a node ended with ${code} before it was registered`)));
    child.stdout!.once('data', () => resolve());
  });
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Runs the command line in a process of its own. @returns what it prints */
async function rpc(args: readonly string[]): Promise<string> {
  const command = [...OPTIONS, pathOf('../../packages/cli/src/main.ts'), ...args];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  child.stderr.on('data', (bytes) => {
    errors += bytes;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`rpc ${args.join(' ')} ended with ${code}: ${errors}${out}`);
  return out;
}

/** @param beforeS - the seconds of measuring before the fault */
function figuresOf({ result }: Report, beforeS: number): Figures {
  const { calls, errors, serviceTime, series } = result;
  const ill = series.filter(({ startMs }) => startMs >= 1_000 * beforeS - 500);
  return {
    calls,
    errors,
    p99Ms: serviceTime.p99Ms,
    maxMs: serviceTime.maxMs,
    errorsBySecond: ill.map((each) => each.errors),
    p99BySecond: ill.map(({ p99Ms }) => p99Ms ?? Number.NaN),
  };
}
