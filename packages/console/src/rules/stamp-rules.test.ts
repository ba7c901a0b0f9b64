import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { readRules } from '@org/rpc-core/internal';
import { stampOf, stampRules } from './stamp-rules.js';

const clock = { wallNow: () => Date.UTC(2026, 10, 28, 15, 45, 2) };

describe('the stamp of rules', () => {
  it('says when and by whom they were set, whatever the document said of that', () => {
    const old = { schemaVersion: 1, version: 1, setAt: 5, setBy: 'somebody else' };
    const document = readRules(stampRules(old, { name: 'ada', clock }));
    assert.equal(stampOf(document), `2026-11-28 15:45:02 UTC by ada@${hostname()}`);
    assert.equal(stampOf(readRules({ schemaVersion: 1, version: 1 })), undefined);
  });

  it('is valid whatever the environment calls its user', () => {
    const { setBy } = readRules(
      stampRules({ schemaVersion: 1, version: 1 }, { name: `a\u0007\n${'b'.repeat(900)}`, clock }),
    );
    assert.match(setBy!, /^ab{99}$/);
  });
});
