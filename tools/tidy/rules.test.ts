import assert from 'node:assert/strict';
import { bans } from './bans.js';
import { cycles } from './cycles.js';
import { direction } from './direction.js';
import { documented } from './documented.js';
import { INTERNAL_NAMES_MAX, internals } from './internals.js';
import { lengths } from './lengths.js';
import { links } from './links.js';
import { satellites } from './satellites.js';
import { type Rule, toTree } from './source.js';
import { unused } from './unused.js';

const CORE = 'packages/rpc-core/src';
const WIRE = 'packages/wire/src';
const CLIENT = 'packages/client/src';

describe('tidy', () => {
  describe('direction', () => {
    it('refuses a client that imports the server, in tests too', () => {
      const text = "import { createServer } from '@org/rpc-server';";
      assertFindings(direction, { [`${CLIENT}/a.ts`]: text }, [/client imports server/]);
      assertFindings(direction, { [`${CLIENT}/a.test.ts`]: text }, [/client imports server/]);
    });
    it('refuses an import against the direction of the packages, also a type import', () => {
      assertFindings(direction, { [`${CORE}/a.ts`]: "import type { C } from '@org/rpc-client';" }, [
        /rpc-core may not import client/,
      ]);
    });
    it('refuses an import against the direction of the folders of a package', () => {
      assertFindings(direction, { [`${WIRE}/codec/a.ts`]: "import { b } from '../transport/b.js';" }, [
        /codec may not import transport/,
      ]);
      assertFindings(direction, { [`${WIRE}/connection/channel/a.ts`]: "import { b } from '../server/b.js';" }, [
        /channel may not import connection\/server/,
      ]);
      assertFindings(direction, { [`${CORE}/a.ts`]: "import { b } from './rules/b.js';" }, [
        /root may not import rules/,
      ]);
    });
    it('takes a file at the top of a package for a place of its own where that is how it is built', () => {
      assertFindings(direction, { [`${CLIENT}/policy/a.ts`]: "import { b } from '../stack.js';" }, [
        /policy may not import stack/,
      ]);
      assertFindings(direction, { [`${CLIENT}/stack.ts`]: "import { b } from './policy/b.js';" });
      assertFindings(direction, { [`${CLIENT}/stack.ts`]: "import { b } from './face/b.js';" }, [
        /stack may not import face/,
      ]);
    });
    it('refuses a folder that has no place yet', () => {
      assertFindings(direction, { [`${WIRE}/cellar/a.ts`]: "import { b } from '../codec/b.js';" }, [
        /folder cellar of wire is new/,
      ]);
    });
    it('refuses sockets in frames/', () => {
      assertFindings(direction, { [`${WIRE}/frames/a.ts`]: "import { connect } from 'node:net';" }, [
        /sockets belong to transport/,
      ]);
    });
    it('refuses a package that package.json does not declare', () => {
      assertFindings(direction, { [`${CLIENT}/a.ts`]: "import x from 'left-pad';" }, [/imports left-pad/]);
    });
    it('refuses internal names in what users see', () => {
      assertFindings(direction, { 'examples/a.ts': "import { x } from '@org/rpc-core/internal';" }, [/public names/]);
    });
    it('accepts imports along the direction, and the files that gather exports', () => {
      assertFindings(direction, {
        [`${CLIENT}/face/a.ts`]:
          "import { x } from '@org/rpc-core/internal'; import retry from 'p-retry'; import { y } from './b.js';",
        [`${WIRE}/connection/channel/a.ts`]:
          "import { y } from '../../frames/b.js'; import { z } from '@org/rpc-core';",
        [`${WIRE}/index.ts`]: "export { y } from './codec/b.js';",
      });
    });
  });

  describe('cycles', () => {
    it('refuses a cycle once, type imports included', () => {
      const files = {
        'tools/a.ts': "import type { B } from './b.js';",
        'tools/b.ts': "export { c } from './c.js';",
        'tools/c.ts': "const a = await import('./a.js');",
        'tools/d.ts': "import './a.js';",
      };
      assertFindings(cycles, files, [/tools\/a.ts -> tools\/b.ts -> tools\/c.ts -> tools\/a.ts/]);
    });
  });

  describe('bans', () => {
    const banned: readonly [text: string, message: RegExp][] = [
      ['const a = Date.now();', /take a Clock/],
      ['const now = performance.now;', /take a Clock/],
      ['const a = new Date();', /take a Clock/],
      ['globalThis.setTimeout(f, 1);', /clock.schedule/],
      ["import { setImmediate } from 'node:timers';", /clock.schedule/],
      ['const random = Math.random;', /take a Random/],
      ['AbortSignal.any([a, b]);', /these two leak/],
      ["process.on('exit', f);", /leaves the process/],
      ['console.log(1);', /does not print/],
      ["export * from './b.js';", /name each export/],
      ['export default 1;', /give it a name/],
      ['enum A { b }', /union of literals/],
      ['class A extends B {}', /extends B/],
      ["import retry from 'p-retry'; retry(f, { minTimeout: 100 });", /minTimeout: 0/],
      ["import retry from 'p-retry'; retry(f);", /minTimeout: 0/],
      ["import Breaker from 'opossum'; new Breaker(f, { timeout: false });", /rotateBucketController/],
    ];
    for (const [text, message] of banned) {
      it(`refuses ${text}`, () => {
        assertFindings(bans, { [`${CLIENT}/a.ts`]: text }, [message]);
      });
    }
    it('accepts members of the same name, dates of a given time, errors, and what clock.ts does', () => {
      assertFindings(bans, {
        [`${CLIENT}/a.ts`]:
          'socket.setTimeout(0); new Date(5); class A extends Error {} interface I { setTimeout(): void }',
        [`${CORE}/clock.ts`]: 'setTimeout(f, Date.now());',
        [`${CLIENT}/a.test.ts`]: 'console.log(Math.random());',
        'packages/cli/src/main.ts': 'console.log(1);',
      });
    });
  });

  describe('lengths', () => {
    const long = `function big() {\n${'  step();\n'.repeat(80)}}\n`;
    const ratchet = (lines: number): string =>
      JSON.stringify({ files: {}, functions: { [`${CLIENT}/a.ts:big`]: lines } });

    it('refuses a long function and a long file, but not of a test', () => {
      assertFindings(lengths, { [`${CLIENT}/a.ts`]: long, [`${CLIENT}/a.test.ts`]: long.repeat(5) }, [
        /big: 82 lines, the bound is 70/,
      ]);
      assertFindings(lengths, { [`${CLIENT}/a.ts`]: '\n'.repeat(451) }, [/451 lines, the bound is 450/]);
    });
    it('lets a listed exception only shrink', () => {
      const at = (lines: number) => ({ [`${CLIENT}/a.ts`]: long, 'tools/tidy/ratchet.json': ratchet(lines) });
      assertFindings(lengths, at(82));
      assertFindings(lengths, at(81), [/may only shrink/]);
      assertFindings(lengths, at(90), [/it says 90/]);
      assertFindings(lengths, { ...at(82), [`${CLIENT}/a.ts`]: 'function big() {}' }, [/it fits now/]);
      assertFindings(lengths, { ...at(82), [`${CLIENT}/a.ts`]: '' }, [/is gone/]);
    });
  });

  describe('satellites', () => {
    const short = { [`${CLIENT}/a.ts`]: 'export const a = 1;\n' };
    const reader = (name: string) => ({
      [`${CLIENT}/${name}.ts`]: "import { a } from './a.js'; export const b = a;\n",
    });

    it('refuses a short file with one reader and no test', () => {
      assertFindings(satellites, { ...short, ...reader('b') }, [/read by packages\/client\/src\/b.ts alone/]);
    });
    it('accepts one with two readers, with a test, or with more lines', () => {
      assertFindings(satellites, { ...short, ...reader('b'), ...reader('c') });
      assertFindings(satellites, { ...short, ...reader('b'), ...reader('c.test') });
      assertFindings(satellites, { ...short, ...reader('b'), [`${CLIENT}/a.test.ts`]: "import './b.js';" });
      assertFindings(satellites, { [`${CLIENT}/a.ts`]: 'export const a = 1;\n'.repeat(60), ...reader('b') });
    });
    it('accepts what is gathered or started by name, and what is not published', () => {
      assertFindings(satellites, { ...short, ...reader('index') });
      assertFindings(satellites, {
        ...short,
        [`${CLIENT}/b.ts`]: "new Worker(new URL('./a.ts', import.meta.url));",
      });
      assertFindings(satellites, { 'tools/a.ts': 'export const a = 1;', 'tools/b.ts': "import './a.js';" });
    });
  });

  describe('documented', () => {
    it('refuses each export without TSDoc, however it is exported', () => {
      const text =
        'export function a() {}\n// not TSDoc\nexport type B = 1;\nconst c = 1;\nexport { c };\n/** */\nexport class D {}';
      assertFindings(documented, { [`${CLIENT}/a.ts`]: text }, [/export a/, /export B/, /export c/, /export D/]);
    });
    it('accepts what is documented, overloads once, and re-exports', () => {
      const text = "/** Adds. */\nexport function a(): void;\nexport function a() {}\nexport { b } from './b.js';";
      assertFindings(documented, { [`${CLIENT}/a.ts`]: text });
    });
  });

  describe('links', () => {
    it('refuses a link to a file or a heading that is not there, but not in code', () => {
      const text = '[a](b.md) [c](#nope)\n`[x](y.md)`\n```md\n[x](y.md)\n```\n';
      assertFindings(links, { 'docs/a.md': text }, [/b.md, which is not there/, /#nope: no such heading/]);
    });
    it('accepts links to files, folders, headings and the web', () => {
      const text = '# What, and why\n[a](#what-and-why) [b](../packages/client) [c](b.md#b) [d](https://example.org)';
      assertFindings(links, { 'docs/a.md': text, 'docs/b.md': '# `B`' });
    });
  });

  describe('unused', () => {
    it('refuses a file that only its test imports', () => {
      const files = { [`${CLIENT}/a.ts`]: '', [`${CLIENT}/a.test.ts`]: "import './a.js';" };
      assertFindings(unused, files, [/no entry point/]);
    });
    it('follows exports, commands and the URLs of workers', () => {
      assertFindings(unused, {
        [`${CLIENT}/index.ts`]: "import type { A } from './a.js';",
        [`${CLIENT}/a.ts`]: "new Worker(new URL('./worker.js', import.meta.url));",
        [`${CLIENT}/worker.ts`]: '',
        'packages/cli/src/main.ts': '',
      });
    });
  });

  describe('internals', () => {
    const lent = (...names: string[]) => ({
      'packages/rpc-core/src/internal.ts': `export { ${names.join(', ')} } from './a.js';`,
    });
    const user = (name: string) => `import { ${name} } from '@org/rpc-core/internal';`;
    it('refuses a name that no other package uses', () => {
      const files = { ...lent('a', 'type B'), [`${CLIENT}/a.ts`]: user('a') };
      assertFindings(internals, files, [/B is used by no other package/]);
      assertFindings(internals, { ...files, 'packages/rpc-core/src/c.test.ts': user('B') }, [/B is used by no other/]);
      assertFindings(internals, { ...files, [`${CLIENT}/b.ts`]: user('type B as Other') });
    });
    it('refuses more names than the bound', () => {
      const names = Array.from({ length: INTERNAL_NAMES_MAX + 1 }, (_, index) => `a${index}`);
      assertFindings(internals, { ...lent(...names), [`${CLIENT}/a.ts`]: user(names.join(', ')) }, [
        /126 names in internal.ts of rpc-core, wire and registry, the bound is 125/,
      ]);
    });
  });
});

const MANIFESTS = {
  'packages/rpc-core/package.json': manifest('@org/rpc-core', {
    '.': { '@org/source': './src/index.ts' },
    './internal': { '@org/source': './src/internal.ts' },
  }),
  'packages/wire/package.json': manifest('@org/rpc-wire', { '.': { '@org/source': './src/index.ts' } }, [
    '@org/rpc-core',
  ]),
  'packages/client/package.json': manifest('@org/rpc-client', { '.': { '@org/source': './src/index.ts' } }, [
    '@org/rpc-core',
    'p-retry',
  ]),
  'packages/server/package.json': manifest('@org/rpc-server', {}),
  'packages/cli/package.json': JSON.stringify({ name: '@org/rpc-cli', bin: { rpc: 'dist/main.js' } }),
};

function manifest(name: string, exports: object, dependencies: readonly string[] = []): string {
  return JSON.stringify({ name, exports, dependencies: Object.fromEntries(dependencies.map((key) => [key, '1'])) });
}

function assertFindings(rule: Rule, files: Readonly<Record<string, string>>, expected: readonly RegExp[] = []): void {
  const texts = Object.entries({ ...MANIFESTS, ...files }).map(([path, text]) => ({ path, text }));
  const messages = rule(toTree(texts)).map(({ message }) => message);
  assert.equal(messages.length, expected.length, messages.join('\n') || 'nothing found');
  for (const [index, pattern] of expected.entries()) assert.match(messages[index]!, pattern);
}
