import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** How an example ended, and all that it printed. */
export interface ExampleResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly output: string;
}

/** An example that runs in a process of its own, compiled, as a user would run it. */
export interface Example {
  readonly child: ChildProcess;
  readonly ended: Promise<ExampleResult>;
  /** Resolves when it has printed this. */
  printed(text: string): Promise<void>;
}

/**
 * Starts a compiled example without a terminal.
 * @param path - below `examples/dist`
 */
export function startExample(path: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Example {
  const file = fileURLToPath(new URL(`../examples/dist/${path}`, import.meta.url));
  assert.ok(existsSync(file), `examples/dist/${path} is missing: run npm run build`);
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = new Promise<ExampleResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
  return {
    child,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const listener = (): void => {
          if (output.includes(text)) resolve();
        };
        listeners.add(listener);
        listener();
        ended.then((result) => reject(new Error(`it ended without printing "${text}":\n${result.output}`)), reject);
      }),
  };
}
