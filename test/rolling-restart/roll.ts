import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createClient } from '@org/rpc';
import { Rolling } from './service.js';
import { type KindReport, startTraffic } from './traffic.js';

/** How a rolling restart is to be made. */
export interface RollOptions {
  /** In its string form; nobody else may serve there. */
  readonly registry: string;
  readonly nodes: number;
  /** Calls a second in all. */
  readonly perSecond: number;
  /** It goes on, round after round, until so many calls were made; one round at least. */
  readonly calls: number;
  readonly onRestart?: ((restarts: number, made: number) => void) | undefined;
}

/** What came of it. */
export interface RollReport {
  readonly made: number;
  readonly failed: number;
  readonly byKind: Readonly<Record<string, KindReport>>;
  readonly restarts: number;
  /** How often a reader of a stream without end has gone on elsewhere. */
  readonly moved: number;
  /** One-way calls that their callers were told of as sent, and that a handler has had. */
  readonly told: { readonly sent: number; readonly received: number };
  /** The longest that a process took from SIGTERM to its end, in milliseconds. */
  readonly longestStopMs: number;
}

/** Restarts real server processes one after the other while a client makes calls of every kind: none may fail, none be lost. */
export async function roll(options: RollOptions): Promise<RollReport> {
  const { registry, perSecond, calls, onRestart } = options;
  const nodes = await Promise.all(Array.from({ length: options.nodes }, () => startNode(registry)));
  const client = createClient({ registry });
  let received = 0;
  let restarts = 0;
  let longestStopMs = 0;
  const stop = async (node: NodeProcess): Promise<void> => {
    const beganAt = performance.now();
    const told = await node.stop();
    received += told;
    longestStopMs = Math.max(longestStopMs, performance.now() - beganAt);
  };
  try {
    await client.ready(Rolling);
    const traffic = startTraffic(client, perSecond);
    do {
      for (const index of nodes.keys()) {
        await stop(nodes[index]!);
        nodes[index] = await startNode(registry);
        restarts++;
        onRestart?.(restarts, traffic.made);
        await sleep(200);
      }
    } while (traffic.made < calls);
    await traffic.stop();
    await client.close();
    await Promise.all(nodes.map(stop));
    const { byKind, made, moved } = traffic;
    const failed = Object.values(byKind).reduce((sum, kind) => sum + kind.failed, 0);
    const oneWay = byKind['one-way'] ?? { made: 0, failed: 0 };
    return {
      made,
      failed,
      byKind,
      restarts,
      moved,
      told: { sent: oneWay.made - oneWay.failed, received },
      longestStopMs,
    };
  } finally {
    for (const node of nodes) node.kill();
    await client.close();
  }
}

interface NodeProcess {
  /** Sends SIGTERM. @returns how many one-way calls it has had; rejects when it does not end well */
  stop(): Promise<number>;
  kill(): void;
}

const FILE = fileURLToPath(new URL('./node-process.ts', import.meta.url));

async function startNode(registry: string): Promise<NodeProcess> {
  const args = ['--import=tsx', '--conditions=@org/source', FILE, registry];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: { ready?: boolean; told?: number }[] = [];
  const reader = createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
  const exited = once(child, 'exit');
  const closed = once(reader, 'close');
  await Promise.race([once(reader, 'line'), exited]);
  if (lines[0]?.ready !== true) throw new Error('a node did not begin');
  return {
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      await closed;
      const told = lines.at(-1)?.told;
      if (code !== 0 || told === undefined) throw new Error(`a node ended with ${String(code)}`);
      return told;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
