import assert from 'node:assert/strict';
import type { RulesDocument } from '@org/rpc-core';
import { switchedOff, wantedSwitch } from './switch.js';

function documentWith(methods: NonNullable<RulesDocument['switch']>['methods']): RulesDocument {
  return { schemaVersion: 1, version: 7, switch: { mode: 'on', percent: 100, methods } } as RulesDocument;
}

describe('the switch of a method', () => {
  it('is off only for a method of which the document says so', () => {
    const document = documentWith({ buy: { enabled: false }, list: { enabled: true } });
    assert.deepEqual(wantedSwitch(document, 'buy'), { enabled: false });
    assert.equal(wantedSwitch(document, 'list'), undefined);
    assert.equal(wantedSwitch(document, 'other'), undefined);
    assert.equal(wantedSwitch({ schemaVersion: 1, version: 7 } as RulesDocument, 'buy'), undefined);
  });

  it('refuses with what says so, its message, and when to try again', () => {
    const error = switchedOff(
      { service: 'shop', method: 'buy' },
      { enabled: false, message: 'we count the stock', retryAfterMs: 60_000 },
      7,
    );
    assert.equal(error.code, 'UNAVAILABLE');
    assert.equal(
      error.reason,
      'shop.buy is switched off by the rule "switch" of version 7 of the rules of "shop": we count the stock',
    );
    assert.deepEqual(
      [error.progress, error.retryAfterMs, error.service, error.method],
      ['unsent', 60_000, 'shop', 'buy'],
    );
  });
});
