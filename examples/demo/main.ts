// npm run demo. What a user of @org/rpc writes is in calculator.ts, server.ts and client.ts; this file and the folder stage
// are the theatre around it: they start the processes, kill one of them, and show what happens.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStyle } from './stage/format.js';
import { type DemoOptions, HELP, readOptions } from './stage/options.js';
import { play } from './stage/play.js';
import { createScreen } from './stage/screen.js';
import { DemoError, Stage } from './stage/stage.js';
import { summarize } from './stage/summary.js';

/** As shells have it: 128 and the number of SIGINT. */
const EXIT_INTERRUPTED = 130;

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else process.exitCode = await runDemo(options);
} catch (error) {
  if (!(error instanceof TypeError || error instanceof DemoError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}

async function runDemo({ registry, display, durationMs }: DemoOptions): Promise<number> {
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());
  // Whoever reads what is printed may leave early, as head does.
  process.stdout.on('error', () => interrupt.abort());
  // Each run is on its own: it neither sees nor disturbs another one.
  const directory = mkdtempSync(join(tmpdir(), 'rpc-demo-'));
  const environment = {
    RPC_REGISTRY: registry ?? `local:${directory}`,
    RPC_NAMESPACE: `demo-${randomBytes(6).toString('hex')}`,
  };
  const screen = createScreen(process.stdout);
  const style = createStyle(screen.isLive);
  const stage = new Stage({ screen, style, environment, durationMs, signal: interrupt.signal });
  try {
    const result = await play(stage, display);
    stage.finishDrawing();
    const { lines, isGood } = summarize(stage.client!.report!, result, style);
    console.log(['', ...lines].join('\n'));
    return isGood ? 0 : 1;
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    screen.close();
    console.error('demo: interrupted');
    return EXIT_INTERRUPTED;
  } finally {
    await stage.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
