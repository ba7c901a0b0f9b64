// npm run sbom [-- FILE]: writes the bill of materials of what is published, in CycloneDX, to packed/sbom.cdx.json or the file that is
// named. It is part of npm run pack and of npm run release.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ROOT } from './lib/root.mjs';
import { makeSbom } from './lib/sbom.mjs';

const given = process.argv[2];
const file = given === undefined ? join(ROOT, 'packed/sbom.cdx.json') : resolve(process.env.INIT_CWD ?? '.', given);
try {
  const sbom = await makeSbom();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(sbom, undefined, 2)}\n`);
  console.log(`${sbom.components.length} packages in ${file}`);
} catch (error) {
  console.error(`sbom: ${error.message}`);
  process.exitCode = 1;
}
