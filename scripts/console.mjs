// npm run console:build: makes packages/console/assets of packages/console/page. Both are in the repository, so that nobody who uses the console
// has to build it; a test compares them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildConsole } from './lib/build-console.mjs';
import { ROOT } from './lib/root.mjs';

const folder = join(ROOT, 'packages/console/assets');
mkdirSync(folder, { recursive: true });
let bytes = 0;
for (const [name, text] of await buildConsole()) {
  writeFileSync(join(folder, name), text);
  bytes += Buffer.byteLength(text);
  console.log(`${name}: ${Buffer.byteLength(text)} bytes`);
}
console.log(`${bytes} bytes in all`);
