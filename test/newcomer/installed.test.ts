import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEtcd } from '../../packages/registry-etcd/test/etcd-fixture.js';
import { readPage, Typist } from './type-page.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** How long one program of a page may take to end by itself. */
const PROGRAM_MS = 20_000;

describe('the packages, installed into an empty folder', function () {
  this.timeout(600_000);
  let folder: string;
  let environment: Record<string, string>;
  let shop: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rpc-newcomer-'));
    symlinkSync(ROOT, join(folder, 'rpc'));
    environment = {
      XDG_RUNTIME_DIR: join(folder, 'run'),
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
    };
    mkdirSync(environment['XDG_RUNTIME_DIR']!, { mode: 0o700 });
    shop = join(folder, 'shop');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('do what getting started says, line by line', async () => {
    const etcd = await startEtcd();
    const typist = new Typist({
      folder,
      environment,
      adapt: (command) =>
        command
          .replaceAll('127.0.0.1:2379', `127.0.0.1:${etcd.port}`)
          .replace('--duration 5s', '--duration 200ms --warmup 0s'),
    });
    try {
      await typist.type(readPage(join(ROOT, 'docs/getting-started.md')));
      assert.ok(typist.files.length > 10, typist.files.join());
      for (const file of typist.files) {
        // The servers run already, and the tests have run.
        if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file === 'server.ts') continue;
        await typist.run(`node --import tsx ${file}`, PROGRAM_MS);
      }
    } finally {
      await typist.end();
      await etcd.stop();
    }
  });

  it('do what the first page says', async () => {
    const first = join(shop, 'first');
    mkdirSync(first);
    const typist = new Typist({ folder: first, environment });
    const written = readPage(join(ROOT, 'README.md')).filter(({ language }) => language === 'ts');
    await typist.type(written);
    const server =
      'node --import tsx server.ts & SERVER=$!; for i in 1 2 3 4 5 6 7 8 9; do npx rpc ls calculator && break; done';
    const printed = await typist.run(`${server}; npx tsx client.ts; kill -TERM $SERVER; wait $SERVER`, PROGRAM_MS * 3);
    assert.match(printed, /^3$/m);
  });

  it('can be required', () => {
    writeFileSync(
      join(shop, 'required.cjs'),
      `const { createServer } = require('@org/rpc');
       const { connect } = require('@org/rpc-testkit');
       import('@org/rpc').then((imported) => console.log(imported.createServer === createServer, typeof connect));`,
    );
    assert.equal(node('required.cjs'), 'true function\n');
  });

  it('are bundled by esbuild into an ES module and into CommonJS, with etcd beside', async () => {
    const etcd = await startEtcd();
    try {
      writeFileSync(join(shop, 'bundled.ts'), BUNDLED);
      const esbuild = join(ROOT, 'node_modules/esbuild/bin/esbuild');
      const common = ['bundled.ts', '--bundle', '--minify', '--platform=node', '--log-level=error'];
      execFileSync(process.execPath, [esbuild, ...common, '--format=cjs', '--outfile=bundled.cjs'], { cwd: shop });
      const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
      execFileSync(
        process.execPath,
        [esbuild, ...common, '--format=esm', `--banner:js=${banner}`, '--outfile=bundled.mjs'],
        { cwd: shop },
      );
      for (const bundle of ['bundled.cjs', 'bundled.mjs'])
        for (const registry of ['local:', `${etcd.url.replace('http', 'etcd')}`])
          assert.equal(node(bundle, registry), 'tea\n', `${bundle} with ${registry}`);
      // Without etcd3 beside it says what to do.
      const alone = join(folder, 'alone');
      mkdirSync(alone);
      execFileSync('cp', [join(shop, 'bundled.mjs'), join(alone, 'bundled.mjs')]);
      assert.match(
        node('bundled.mjs', `${etcd.url.replace('http', 'etcd')}`, alone),
        /npm etcd3 is not installed .*npm install etcd3/,
      );
    } finally {
      await etcd.stop();
    }
  });

  it('have types for compilers that do not know exports', () => {
    writeFileSync(
      join(shop, 'node10.ts'),
      `import { createClient, defineService, method } from '@org/rpc';
       import { msgpackrCodec } from '@org/rpc/msgpackr';
       import { connect } from '@org/rpc-testkit';
       const Shop = defineService('shop', { find: method<(id: string) => number>() });
       export const found: Promise<number> = createClient({ codec: msgpackrCodec() }).service(Shop).find('tea');
       // @ts-expect-error it takes text
       void createClient().service(Shop).find(1);
       void connect;`,
    );
    const options = [
      '--module',
      'commonjs',
      '--moduleResolution',
      'node10',
      '--target',
      'es2023',
      '--strict',
      '--noEmit',
    ];
    execFileSync(
      process.execPath,
      [
        join(ROOT, 'node_modules/typescript/bin/tsc'),
        ...options,
        '--types',
        'node',
        '--ignoreDeprecations',
        '6.0',
        '--ignoreConfig',
        'node10.ts',
      ],
      { cwd: shop, encoding: 'utf8' },
    );
  });

  it('bring a page, a licence, their types, and no test', () => {
    for (const name of readdirSync(join(shop, 'node_modules/@org'))) {
      const root = join(shop, 'node_modules/@org', name);
      const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>;
      for (const file of ['README.md', 'LICENSE', manifest['main']!, manifest['types']!])
        assert.ok(existsSync(join(root, file)), `${name} has no ${file}`);
      const tests = readdirSync(root, { recursive: true }).filter((path) => /\.test\.|tsbuildinfo/.test(String(path)));
      assert.deepEqual(tests, [], name);
    }
  });

  function node(file: string, registry = 'local:', cwd = shop): string {
    return execFileSync(process.execPath, [file, registry], {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, ...environment, RPC_NAMESPACE: file.replace('.', '-') },
      timeout: PROGRAM_MS,
    });
  }
});

/** Serves, registers and calls; prints the answer, or what the registry says is wrong. */
const BUNDLED = `
import { createClient, createServer, defineService, method } from '@org/rpc';
const Shop = defineService('shop', { find: method<(id: string) => string>() });
async function main() {
  const registry = process.argv[2]!;
  const server = createServer({ registry }).add(Shop, { find: (id) => id });
  const trouble = new Promise<string>((resolve) => server.on('registry', (event) => { if (event.kind === 'unreachable') resolve(event.message); }));
  await server.listen({ host: '127.0.0.1' });
  const client = createClient({ registry });
  const found = server.registered.then(() => client.service(Shop).find('tea'));
  console.log(await Promise.race([found, trouble]));
  await client.close();
  await server.close({ drainMs: 0 });
}
void main();
`;
