import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { bans } from './tidy/bans.js';
import { cycles } from './tidy/cycles.js';
import { direction } from './tidy/direction.js';
import { documented } from './tidy/documented.js';
import { internals } from './tidy/internals.js';
import { leftovers } from './tidy/leftovers.js';
import { lengths } from './tidy/lengths.js';
import { links } from './tidy/links.js';
import { satellites } from './tidy/satellites.js';
import { type Rule, readTree, type Tree } from './tidy/source.js';
import { unused } from './tidy/unused.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

describe('the repository', function () {
  // A thousand files are read and parsed: three seconds of processor time, of which a busy machine makes many.
  this.timeout(60_000);

  let tree: Tree;
  before(() => {
    tree = readTree(ROOT);
  });

  const rules: readonly [name: string, rule: Rule][] = [
    ['imports point one way', direction],
    ['has no import cycles', cycles],
    ['uses nothing that is banned', bans],
    ['has no leftovers', leftovers],
    ['keeps files and functions short', lengths],
    ['has no short file with one reader and no test', satellites],
    ['documents every export', documented],
    ['has no unused files', unused],
    ['lends nothing to sister packages that they do not use', internals],
    ['has no broken links in its pages', links],
  ];
  for (const [name, rule] of rules) {
    it(name, () => {
      const findings = rule(tree).map(({ path, line, message }) => `${path}:${line} ${message}`);
      if (findings.length > 0) assert.fail(`${findings.length} found\n${findings.join('\n')}`);
    });
  }
});
