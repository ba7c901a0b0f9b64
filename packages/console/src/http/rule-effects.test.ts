import assert from 'node:assert/strict';
import { readRules } from '@org/rpc-core/internal';
import type { PairCalls } from '../traffic/traffic.js';
import type { Trouble } from '../traffic/troubles.js';
import { ruleEffects } from './rule-effects.js';

const document = readRules(
  {
    ...{ schemaVersion: 1, version: 1 },
    timeout: { mode: 'on', timeoutMs: 400 },
    retry: { mode: 'on', max: 1 },
    rateLimit: { mode: 'on', perSecond: 30 },
    concurrency: { mode: 'dark', max: 3 },
    weight: { mode: 'on', endpoints: { one: 10 } },
    breaker: { mode: 'on', errorPercent: 90 },
    switch: { mode: 'off', methods: { find: { enabled: false } } },
    serverRateLimit: { mode: 'on', perSecond: 50 },
    callerRateLimit: { mode: 'dark', perSecond: 50 },
  },
  'rules',
);

function trouble(what: Trouble['what'], rule: Trouble['rule'], count: number, changes: Partial<Trouble> = {}): Trouble {
  const nothing = { code: undefined, culprit: undefined, by: undefined };
  return {
    ...{ what, rule, count, caller: 'web', service: 'shop', method: 'find', endpoint: '' },
    ...nothing,
    ...changes,
  };
}

describe('what rules in force do', () => {
  it('is told of each, with counts, and what nobody counts is said', () => {
    const by = 'shop takes 50 calls a second here (serverRateLimit.perSecond of the rules of shop)';
    const told = ruleEffects(document, {
      service: 'shop',
      troubles: [
        trouble('failed', 'timeout', 34),
        trouble('failed', undefined, 7),
        trouble('failed', 'timeout', 99, { service: 'stock' }),
        trouble('retried', 'retry', 1),
        trouble('waited', 'rateLimit', 1_200),
        trouble('limited', 'rateLimit', 3),
        trouble('would', 'concurrency', 5),
        trouble('refused', undefined, 2, { by }),
        trouble('refused', undefined, 4, { by: 'it is full' }),
      ],
      past: ['one', 'two'].map((instance, index) => {
        const pair = { service: 'shop', method: 'find', kind: 'unary', caller: 'web', instance };
        return { pair, flow: { calls: 100 * (index + 1) }, slots: new Map() } as unknown as PairCalls;
      }),
      servers: [{ rules: { shop: { policies: { callerRateLimit: { wouldApply: 8 } } } } } as never, {} as never],
    });
    assert.deepEqual(Object.fromEntries(told.map(({ policy, did }) => [policy, did])), {
      timeout: '34 calls ran into a time that it has set',
      retry: '1 attempt repeated, as it allows',
      rateLimit: '1,200 calls waited for it, 3 calls refused by it',
      concurrency: 'nothing: it is dark. It would have changed 5 calls',
      weight: 'of 300 calls one got 100',
      breaker: 'not counted: see the metrics of clients, and why calls failed on the page of the service',
      switch: 'nothing: it is off',
      serverRateLimit: 'servers have refused 2 calls by it',
      callerRateLimit: 'nothing: it is dark. Since it was set it would have changed 8 calls, at the servers that tell',
    });
    assert.match(told.find(({ policy }) => policy === 'rateLimit')!.scope!, /each client process/);
    assert.equal(told.find(({ policy }) => policy === 'timeout')!.scope, undefined);
  });
});
