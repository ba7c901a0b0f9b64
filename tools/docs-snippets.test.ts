import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkSnippets } from './docs-snippets/check.js';
import { extractSnippets, type Snippet } from './docs-snippets/extract.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

describe('the examples in the docs', () => {
  it('compile against the sources', function () {
    this.timeout(60_000);
    const pages = existsSync(join(ROOT, 'README.md')) ? ['README.md', ...docsPages()] : docsPages();
    const snippets = pages.flatMap((page) => extractSnippets(page, readFileSync(join(ROOT, page), 'utf8')));
    assert.deepEqual(checkSnippets(ROOT, snippets), []);
  });
});

describe('docs-snippets', () => {
  const fence = '`'.repeat(3);
  const page = [
    '# A',
    '',
    `${fence}ts`,
    '// a.ts, on both sides',
    'export const a = 1;',
    fence,
    '',
    `1. b`,
    '',
    `   ${fence}ts`,
    '   b();',
    `   ${fence}`,
    `${fence}sh`,
    'npm test',
    fence,
  ];

  it('finds blocks of TypeScript, the file they name and where they stand', () => {
    assert.deepEqual(extractSnippets('README.md', page.join('\n')), [
      { page: 'README.md', line: 4, file: 'a.ts', code: '// a.ts, on both sides\nexport const a = 1;' },
      { page: 'README.md', line: 11, file: undefined, code: 'b();' },
    ]);
  });

  it('checks the files of one page together, and tells page and line of what is wrong', function () {
    this.timeout(60_000);
    const errors = checkSnippets(ROOT, [
      snippet(
        10,
        'a.ts',
        "import { RpcError } from '@org/rpc-core';\nexport const error = new RpcError('NOT_FOUND', 'x');",
      ),
      snippet(20, 'b.ts', "import { error } from './a.js';\n\nconst code: 'UNKNOWN' = error.code;"),
      snippet(30, 'c.ts', "import { nothing } from '@org/rpc-core';"),
      snippet(40, 'd.ts', 'await Promise.resolve(process.pid);'),
      snippet(50, 'd.ts', ''),
      snippet(60, undefined, 'const options = { registry, namespace };'),
      snippet(70, undefined, 'const = ;'),
    ]);
    const places = errors.map((error) => error.slice(0, error.indexOf(' ')));
    assert.deepEqual(
      [...new Set(places)].sort(),
      ['page.md:22', 'page.md:30', 'page.md:50', 'page.md:70'],
      errors.join('\n'),
    );
  });

  function snippet(line: number, file: string | undefined, code: string): Snippet {
    return { page: 'page.md', line, file, code };
  }
});

function docsPages(): string[] {
  return readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.startsWith('api'))
    .map((path) => `docs/${path}`)
    .sort();
}
