import assert from 'node:assert/strict';
import { leftovers } from './leftovers.js';
import { toTree } from './source.js';

describe('tidy leftovers', () => {
  const refused: readonly [path: string, text: string, message: RegExp][] = [
    ['docs/a.md', 'TODO write this', /finish it/],
    ['packages/client/src/a.ts', '// @ts-ignore', /fix the type/],
    ['packages/client/src/a.test.ts', "it.only('x', f);", /every test runs/],
    ['packages/client/src/a.test.ts', 'this.retries(3);', /flaky test/],
    ['README.md', 'this \u2014 that', /em dash/],
    ['packages/client/src/a.ts', "const micro = '\u00b5s';", /not ASCII/],
    ['docs/a.md', 'see `/home/ada/notes`', /path of one machine/],
    ['docs/a.md', 'write to /tmp/x', /path of one machine/],
    ['packages/client/src/a.ts', '// see #12', /bare number/],
    ['packages/client/src/a.ts', '// Issue 12 asked for it', /bare number/],
    ['docs/a.md', '[notes](../../notes/a.md)', /out of the repository/],
  ];
  for (const [path, text, message] of refused) {
    it(`refuses ${JSON.stringify(text)} in ${path}`, () => {
      const findings = leftovers(toTree([{ path, text: `\n${text}\n` }]));
      assert.equal(findings.length, 1);
      assert.equal(findings[0]!.line, 2);
      assert.match(findings[0]!.message, message);
    });
  }

  it('accepts links inside the repository, numbers of other projects and private members', () => {
    const texts = [
      { path: 'docs/decisions/a.md', text: '[readme](../../README.md), nodejs/node#54614' },
      {
        path: 'packages/client/src/a.ts',
        text: "import '../../client/src/b.js';\n// nodejs/node#54614\nthis.#now = 1;",
      },
      { path: 'packages/client/src/a.test.ts', text: "'\u00b5';" },
    ];
    assert.deepEqual(leftovers(toTree(texts)), []);
  });
});
