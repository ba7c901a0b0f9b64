import assert from 'node:assert/strict';
import { nodeOpinions } from './node-opinions.js';
import type { ClientState, NodeState } from './state.js';

const WELL = {
  ...{ instance: 'one', endpoint: 'h:1', connection: 'ready', draining: false, available: true, listed: true },
  ...{ inFlight: 0, latencyMs: 1, error: undefined, breakers: [], denies: [], ejected: undefined, failing: undefined },
  failingMethods: [],
} as unknown as NodeState;

function opinions(...nodes: Partial<NodeState>[]) {
  const service = { picker: 'p2c', nodes: nodes.map((node) => ({ ...WELL, ...node })) };
  return nodeOpinions('web', { services: { shop: service } } as unknown as ClientState);
}

describe('what a client has against instances', () => {
  it('is nothing while they are well, or not needed yet', () => {
    assert.deepEqual(opinions({}, { connection: 'idle' }, { connection: 'connecting' }), []);
  });

  it('is said in words, with when they are tried again', () => {
    const [first] = opinions({ ejected: { trialInMs: 3_210 }, breakers: [{ method: 'find', trialInMs: 0 }] });
    assert.deepEqual(first, {
      ...{ client: 'web', service: 'shop', instance: 'one', endpoint: 'h:1', isAvoided: true },
      reasons: [
        'ejected, for its calls fail or are late; one is tried in 3.2 s',
        'the breaker of find is open; tried again with the next call',
      ],
    });
    const reasons = (node: Partial<NodeState>) => opinions(node)[0]!.reasons;
    assert.deepEqual(reasons({ connection: 'backoff', error: 'ECONNREFUSED' }), ['no connection: ECONNREFUSED']);
    assert.deepEqual(reasons({ draining: true, connection: 'draining' }), ['it drains']);
    assert.deepEqual(reasons({ available: false }), ['it says that it takes no calls']);
    assert.deepEqual(reasons({ denies: ['buy'] }), ['it denies buy, which others serve']);
  });

  it('is that calls to it fail: for a second it counts as slow, then others go before it, if there are any', () => {
    const failing = (forMs: number, failures: number) => ({ failing: { forMs, failures }, instance: 'two' });
    const seen = (...nodes: Partial<NodeState>[]) =>
      opinions(...nodes).map(({ instance, isAvoided, reasons }) => [instance, isAvoided, ...reasons]);
    assert.deepEqual(seen({}, failing(400, 1)), [
      ['two', false, '1 call to it has failed since the last success, for 0.4 s: each counts as a slow one'],
    ]);
    assert.deepEqual(seen({}, failing(5_200, 3)), [
      [
        'two',
        true,
        '3 calls to it have failed since the last success, for 5.2 s: others go before it, but for a trial call now and then',
      ],
    ]);
    assert.equal(seen(failing(5_200, 3), failing(5_200, 3))[0]![1], false);
  });

  it('is that one method fails, which keeps no other calls away', () => {
    const failingMethods = [{ method: 'find', forMs: 3_100, failures: 2 }];
    const [seen] = opinions({}, { failingMethods });
    assert.deepEqual(
      [seen!.isAvoided, ...seen!.reasons],
      [
        false,
        '2 calls of find have failed since the last success, for 3.1 s, though it answers others: calls of find alone go elsewhere, but for a trial call now and then',
      ],
    );
  });

  it('is that it is slower than its peers, with what is expected of each', () => {
    const seen = opinions({ latencyMs: 8 }, { latencyMs: 9 }, { latencyMs: 412.4, instance: 'two' });
    assert.deepEqual(
      seen.map(({ instance, isAvoided, reasons }) => [instance, isAvoided, ...reasons]),
      [
        [
          'two',
          false,
          'slow or failing of late: 412 ms are expected of it, of its peers 8.0 ms, so it gets fewer calls',
        ],
      ],
    );
    assert.deepEqual(opinions({ latencyMs: 8 }, { latencyMs: 9 }, { latencyMs: 19 }), []);
    assert.deepEqual(opinions({ latencyMs: 800 }, { latencyMs: 900 }, { latencyMs: 700 }), []);
    assert.deepEqual(opinions({ latencyMs: 800 }), []);
  });

  it('begins with those that get no calls, and has a bound', () => {
    const many = Array.from({ length: 300 }, () => ({ listed: false }));
    const all = opinions(...many, { available: false });
    assert.deepEqual([all.length, all[0]!.isAvoided, all[1]!.isAvoided], [200, true, false]);
  });
});
