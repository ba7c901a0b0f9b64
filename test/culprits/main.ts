// npm run culprits: a thousand calls that have no time left because of faults of eight kinds, over real sockets between two processes.
// Counts in how many the error names the right culprit; ends with code 1 below 95 of 100.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type CallPhase, type Client, createClient, direct, memory, type Registry, type RpcError } from '@org/rpc';
import { type Ports, Work } from './service.js';

const { values } = parseArgs({
  options: { calls: { type: 'string', default: '1001' }, verbose: { type: 'boolean', default: false } },
});
const KINDS = 8;
const times = Math.ceil(Number(values.calls) / KINDS);
/** The least share of right answers. */
const BOUND = 0.95;
/** Calls of a kind that are made at once. */
const AT_ONCE = 12;

/** Where nearly all fails, throttling would soon refuse most calls here: then the error names that. */
const OPTIONS = { throttle: false } as const;

const between = (from: number, to: number): number => from + Math.random() * (to - from);

const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
  process.execPath,
  ['--import=tsx', '--conditions=@org/source', new URL('server-process.ts', import.meta.url).pathname],
  { stdio: ['pipe', 'pipe', 'inherit'] },
);
const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
const ports = JSON.parse(line) as Ports;
const tell = async (what: string): Promise<void> => {
  child.stdin.write(`${what}\n`);
  await sleep(50);
};

const at = (port: number): Registry => direct([`127.0.0.1:${port}`]);

async function call(
  client: Client,
  ms: number,
  timeoutMs: number,
  waitForReady = false,
): Promise<RpcError | undefined> {
  try {
    await client.service(Work).with({ timeoutMs, waitForReady }).run(ms);
    return undefined;
  } catch (error) {
    return error as RpcError;
  }
}

/** A client that has called before, and so is connected. */
async function ready(port: number): Promise<Client> {
  const client = createClient({ registry: at(port), ...OPTIONS });
  await client.service(Work).with({ timeoutMs: 10_000 }).run(1);
  return client;
}

/** Makes calls that fail, so many at once; each is `make`. */
async function many(make: (timeoutMs: number) => Promise<RpcError | undefined>): Promise<(RpcError | undefined)[]> {
  const errors: (RpcError | undefined)[] = [];
  while (errors.length < times) {
    const size = Math.min(AT_ONCE, times - errors.length);
    errors.push(...(await Promise.all(Array.from({ length: size }, () => make(between(100, 600))))));
  }
  return errors;
}

const faults: readonly { what: string; culprit: CallPhase; run(): Promise<(RpcError | undefined)[]> }[] = [
  {
    what: 'own event loop blocked',
    culprit: 'loop',
    async run() {
      await using client = await ready(ports.plain);
      const errors: (RpcError | undefined)[] = [];
      for (let i = 0; i < times; i++) {
        const timeoutMs = between(50, 300);
        const calling = call(client, timeoutMs / 2, timeoutMs);
        const until = performance.now() + between(0.6, 1.5) * timeoutMs;
        while (performance.now() < until);
        errors.push(await calling);
        await sleep(5);
      }
      return errors;
    },
  },
  {
    what: 'connection refused',
    culprit: 'connection',
    async run() {
      await using client = createClient({ registry: at(1), ...OPTIONS });
      return await many((timeoutMs) => call(client, 1, timeoutMs, Math.random() < 0.5));
    },
  },
  {
    what: 'black hole',
    culprit: 'network',
    async run() {
      await using client = await ready(ports.hole);
      await tell('hole on');
      try {
        return await many((timeoutMs) => call(client, 1, timeoutMs));
      } finally {
        await tell('hole off');
      }
    },
  },
  {
    what: 'queue at the server',
    culprit: 'queue',
    async run() {
      await using client = await ready(ports.queueing);
      const hog = call(client, 2 * 60_000, 60_000);
      await sleep(50);
      const errors = await many((timeoutMs) => call(client, 1, timeoutMs));
      void hog;
      return errors;
    },
  },
  {
    what: 'slow handler',
    culprit: 'handler',
    async run() {
      await using client = await ready(ports.plain);
      return await many((timeoutMs) => call(client, between(1.1, 5) * timeoutMs, timeoutMs));
    },
  },
  {
    what: 'slow handler behind the handler',
    culprit: 'downstream',
    async run() {
      await using client = await ready(ports.plain);
      await client.service(Work).with({ timeoutMs: 10_000 }).pass(1);
      return await many((timeoutMs) => {
        const call = client
          .service(Work)
          .with({ timeoutMs })
          .pass(between(1.1, 5) * timeoutMs);
        return call.then(
          () => undefined,
          (error: RpcError) => error,
        );
      });
    },
  },
  {
    what: 'slow network',
    culprit: 'network',
    async run() {
      await using client = await ready(ports.slow);
      await tell('delay 500');
      try {
        return await many((timeoutMs) => call(client, 1, timeoutMs));
      } finally {
        await tell('delay 0');
      }
    },
  },
  {
    what: 'registry empty',
    culprit: 'registry',
    async run() {
      await using client = createClient({ registry: memory(), ...OPTIONS });
      return await many((timeoutMs) => call(client, 1, timeoutMs, Math.random() < 0.5));
    },
  },
];

let right = 0;
let all = 0;
for (const { what, culprit, run } of faults) {
  const found = new Map<string, number>();
  const errors = await run();
  for (const error of errors) {
    const named = error?.spent?.culprit ?? error?.code ?? 'it went well';
    found.set(named, (found.get(named) ?? 0) + 1);
    if (values.verbose && named !== culprit) console.log(`  ${error?.message} ${JSON.stringify(error?.attempts)}`);
  }
  const good = found.get(culprit) ?? 0;
  right += good;
  all += errors.length;
  const others = [...found].filter(([named]) => named !== culprit).map(([named, count]) => `${named} ${count}`);
  console.log(
    `${what}: ${good} of ${errors.length} name ${culprit}${others.length === 0 ? '' : `; ${others.join(', ')}`}`,
  );
}
console.log(`${right} of ${all} are right: ${((100 * right) / all).toFixed(1)} %`);
child.stdin.end();
if (right < BOUND * all) process.exitCode = 1;
