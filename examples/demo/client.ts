// The client. It keeps calling, whatever happens to the servers, until main.ts says stop.
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@org/rpc';
import { Calculator } from './calculator.js';
import { CallStats } from './stage/call-stats.js';
import { CALLERS, followStage, REPORT_MS, tellStage } from './stage/messages.js';
import { tellOfNodes } from './stage/tell-of-nodes.js';

// RPC_REGISTRY and RPC_NAMESPACE, which main.ts has set, say where to look for servers.
const client = createClient();
const stats = new CallStats(client, Calculator.name);
const calculator = client.service(Calculator).with({ onResponse: stats.answered });

/** One of the callers: calls, waits for the answer, calls again. */
async function keepCalling(): Promise<void> {
  for (let x = 0; !stopping; x++) {
    try {
      const sum = await calculator.sum(x, 1);
      if (sum !== x + 1) stats.failed(new Error(`${x} + 1 = ${sum}`));
    } catch (error) {
      stats.failed(error as Error);
      await sleep(100);
    }
  }
}

let stopping = false;
followStage((word) => {
  if (word === 'stop') stopping = true;
});
tellOfNodes(client);

try {
  await client.ready(Calculator, { timeoutMs: 5_000 });
} catch (error) {
  await tellStage({ kind: 'stuck', message: (error as Error).message });
  process.exit(1);
}
const timer = setInterval(() => tellStage(stats.report()), REPORT_MS);
await Promise.all(Array.from({ length: CALLERS }, keepCalling));
clearInterval(timer);

await tellStage({ ...stats.report(), isLast: true });
await client.close();
process.disconnect?.();
