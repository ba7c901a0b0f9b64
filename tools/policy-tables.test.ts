import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { PolicyLevel } from '../packages/rpc-core/src/policies/description.js';
import { policyList } from '../packages/rpc-core/src/policies/policies.js';
import { PAGES, renderTables } from './policy-tables/render.js';

describe('the tables of policies', () => {
  for (const [name, path] of Object.entries(PAGES)) {
    it(`are in ${path} what the code says; if not: npx tsx tools/policy-tables/main.ts --write`, () => {
      const page = readFileSync(path, 'utf8');
      assert.equal(renderTables(name as keyof typeof PAGES, page), page);
    });
  }

  it('show every value, and a changed bound is a changed page', () => {
    const page = readFileSync(PAGES.options, 'utf8');
    for (const { option, values, levels } of policyList) {
      if (!levels.some((level) => level !== 'rule')) continue;
      for (const name of Object.keys(values))
        assert.ok(page.includes(`| \`${option === undefined ? '' : `${option}.`}${name}\` |`), name);
    }
    const changed = page.replace('0 to 10 |', '0 to 11 |');
    assert.equal(renderTables('options', changed), page);
  });

  it('say of every level where a policy cannot be given why that is so', () => {
    const all: PolicyLevel[] = ['call', 'rule', 'method', 'service', 'client'];
    for (const { name, levels, notBy, inCall } of policyList) {
      // Of the others the service as a whole is spoken of, and only by operators.
      if (levels.every((level) => level === 'rule')) continue;
      for (const level of all) {
        const isGiven = levels.includes(level) && !(level === 'call' && inCall === 'off');
        assert.equal(notBy?.[level] === undefined, isGiven, `${name} for a ${level}`);
      }
    }
  });

  it('need a region', () => {
    assert.throws(() => renderTables('rules', 'no region'), /docs\/rules\.md has no region/);
  });
});
