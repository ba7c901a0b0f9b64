import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { movesServer } from './moves-service.js';

/** Any Python 3.10 or newer will do. */
export const PYTHON: string = process.env['PYTHON_BIN'] || 'python3';

/** How a run ended, and all that it printed. */
export interface MovesResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly output: string;
  /** How many connections the server accepted. */
  readonly connections: number;
}

/** Runs a script of examples/python-client against a server of the moves, whose port it is told. */
export async function runMoves(script: string, args: readonly string[]): Promise<MovesResult> {
  const server = movesServer();
  let connections = 0;
  server.on('connectionOpened', () => connections++);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  try {
    const file = fileURLToPath(new URL(`../../examples/python-client/${script}`, import.meta.url));
    const child = spawn(PYTHON, [file, '--port', String(port), ...args], {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const part of [child.stdout, child.stderr])
      part.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, output, connections };
  } finally {
    await server.close({ drainMs: 0, graceMs: 0 });
  }
}
