// npm run pack: builds what is missing and writes every package as a tarball that can be installed anywhere, into packed/ or into
// the folder that is named, with the bill of materials of all of them.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { makeSbom } from './lib/sbom.mjs';
import { SetupError, setup } from './lib/setup.mjs';

try {
  await setup();
  // Under npm the folder is meant from where the user stands, not from the top of the repository.
  const from = process.env.INIT_CWD ?? process.cwd();
  const folder = process.argv[2] === undefined ? join(ROOT, 'packed') : resolve(from, process.argv[2]);
  await pack(folder);
  console.log(`\nin the folder of your program, install them by\n\n  npm install ${folder}/*.tgz`);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`pack: ${error.message}`);
  process.exitCode = 1;
}

async function pack(folder) {
  mkdirSync(folder, { recursive: true });
  // Those of an earlier version would be installed beside the new ones.
  for (const name of readdirSync(folder)) if (/^org-rpc(-.*)?\.tgz$/.test(name)) rmSync(join(folder, name));
  const args = ['pack', '--workspaces', '--pack-destination', folder, '--silent'];
  const npm = process.env.npm_execpath;
  const { code } = npm
    ? await run(process.execPath, [npm, ...args])
    : await run('npm', args, { shell: process.platform === 'win32' });
  if (code !== 0) throw new SetupError('npm pack failed, see above');
  writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(await makeSbom(), undefined, 2)}\n`);
}
