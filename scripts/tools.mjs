// npm run tools: tries the packages in tools that are too large to be dependencies of the repository, each in a folder of its own. Words after -- choose some of them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './lib/root.mjs';
import { run } from './lib/run.mjs';

const TEST = `
test('a call goes through', async () => {
  const Shop = defineService('shop', { find: method(), fail: method() });
  const server = createServer({ registry: 'local:' });
  server.add(Shop, {
    find: (id) => ({ id, at: new Date(0), tags: new Map([['a', 1n]]) }),
    fail() {
      throw new RpcError('NOT_FOUND', 'no such product');
    },
  });
  const client = connect(server);
  const shop = client.service(Shop);
  expect(await shop.find('tea')).toEqual({ id: 'tea', at: new Date(0), tags: new Map([['a', 1n]]) });
  await expect(shop.fail()).rejects.toThrow('NOT_FOUND');
  expect(isRpcError(await shop.fail().catch((error) => error), 'NOT_FOUND')).toBe(true);
  await client.close();
});
`;
const NAMES = '{ createServer, defineService, isRpcError, method, RpcError }';

/** What is installed, the files that are written, and what is run. */
const TOOLS = {
  jest: {
    install: ['jest@30.5.2'],
    files: {
      'shop.test.js': `const ${NAMES} = require('@org/rpc');\nconst { connect } = require('@org/rpc-testkit');\n${TEST}`,
    },
    command: ['jest'],
  },
  vitest: {
    install: ['vitest@4.1.12'],
    files: {
      'shop.test.mjs': `import { expect, test } from 'vitest';\nimport ${NAMES} from '@org/rpc';\nimport { connect } from '@org/rpc-testkit';\n${TEST}`,
    },
    command: ['vitest', 'run'],
  },
  'typescript, bundler': {
    install: ['typescript@6.0.3', '@types/node@20.19.43'],
    files: {
      'shop.ts': `import { createClient, defineService, method } from '@org/rpc';
import { msgpackrCodec } from '@org/rpc/msgpackr';
const Shop = defineService('shop', { find: method<(id: string) => number>() });
export const found: Promise<number> = createClient({ codec: msgpackrCodec() }).service(Shop).find('tea');
`,
    },
    command: [
      'tsc',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--strict',
      '--noEmit',
      '--types',
      'node',
      'shop.ts',
    ],
  },
};

const folder = mkdtempSync(join(tmpdir(), 'rpc-tools-'));
try {
  const packed = join(folder, 'packed');
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts/pack.mjs'), packed], { capture: true });
  if (code !== 0) throw new Error(output);
  const wanted = process.argv.slice(2);
  for (const [name, tool] of Object.entries(TOOLS))
    if (wanted.length === 0 || wanted.some((word) => name.startsWith(word))) await tryTool(name, tool, packed);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function tryTool(name, { install, files, command }, packed) {
  const own = join(folder, name.replace(/\W+/g, '-'));
  mkdirSync(own);
  writeFileSync(join(own, 'package.json'), '{ "private": true }');
  for (const [file, text] of Object.entries(files)) writeFileSync(join(own, file), text);
  const line = `npm install --silent --no-audit --no-fund --prefer-offline ${packed}/*.tgz ${install.join(' ')} && npx --no -- ${command.join(' ')}`;
  const { code, output } = await run(`cd ${own} && ${line}`, [], { capture: true, shell: true });
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}`);
  if (code === 0) return;
  console.log(output.trimEnd());
  process.exitCode = 1;
}
