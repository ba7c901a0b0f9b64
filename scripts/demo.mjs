// npm run demo: on a fresh clone it installs, builds, and runs examples/demo/main.ts. Arguments after -- go to the demo.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/root.mjs';
import { SetupError, setup } from './lib/setup.mjs';

try {
  await setup();
  process.exitCode = await runDemo(join(ROOT, 'examples/dist/demo/main.js'), process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}

/** Its exit code. The terminal stays the demo's own: it draws a live table and hears Ctrl+C itself. */
function runDemo(main, args) {
  if (!existsSync(main)) throw new SetupError('examples/demo/main.ts was not built; run npm run clean and try again');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: ROOT, stdio: 'inherit' });
    // Ctrl+C reaches the whole group: the demo cleans up and ends, and only then this process does. SIGTERM reaches only this one.
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}
