// npm run clean: removes what the build and the docs made. With --all also node_modules.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './lib/root.mjs';

const packages = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}/dist`);
const made = [...packages, 'examples/dist', 'docs/api', 'coverage', '.nx'];
if (process.argv.includes('--all'))
  made.push('node_modules', ...packages.map((path) => path.replace(/dist$/, 'node_modules')));

for (const path of made) rmSync(join(ROOT, path), { recursive: true, force: true });
