import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { rpcError, wireName } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { NodeStatus } from '../picker/picker.js';
import { classify } from '../policy/outcome.js';
import type { Link, LinkObserver } from './link.js';
import { Node } from './node.js';
import { ServiceHealth } from './service-health.js';

const ENDPOINT: Endpoint = { id: 'a', host: 'h', port: 1, weight: 100, state: 'up' };

/** A node over a link that the test sets. */
function aNode(): {
  node: Node;
  link: { state: string; connection: unknown; observers: Set<LinkObserver> };
  changes: () => number;
  service: ServiceHealth;
} {
  const clock = new FakeClock(1_000);
  const observers = new Set<LinkObserver>();
  const link = {
    address: 'h:1',
    state: 'ready',
    lastError: undefined,
    connection: { isFull: false, isGreeted: true, send: async () => 'sent' } as unknown,
    observers,
    observe: (observer: LinkObserver) => observers.add(observer),
    unobserve: (observer: LinkObserver) => observers.delete(observer),
  };
  const service = new ServiceHealth({ clock, random: seededRandom(1), breakers: undefined });
  let changes = 0;
  const node = new Node(ENDPOINT, link as unknown as Link, service, { nodeChanged: () => changes++ });
  return { node, link, changes: () => changes, service };
}

function aCall(): Call {
  return new Call({ service: 'shop', method: 'buy', wireName: wireName('shop', 'buy') }, [], false);
}

describe('Node', () => {
  it('takes calls when its link is ready and the registry says that it is up', () => {
    const { node, link } = aNode();
    assert.equal(node.status(aCall(), 0), NodeStatus.OPEN);
    node.endpoint = { ...ENDPOINT, state: 'draining' };
    assert.equal(node.status(aCall(), 0), NodeStatus.DOWN);
    node.endpoint = ENDPOINT;
    for (const state of ['connecting', 'backoff', 'draining', 'closed']) {
      link.state = state;
      assert.equal(node.status(aCall(), 0), NodeStatus.DOWN);
    }
  });

  it('is suspect while the server has said nothing, or can take no more', () => {
    const { node, link } = aNode();
    link.connection = { isFull: false, isGreeted: false };
    assert.equal(node.status(aCall(), 0), NodeStatus.SUSPECT);
    link.connection = { isFull: true, isGreeted: true };
    assert.equal(node.status(aCall(), 0), NodeStatus.SUSPECT);
  });

  it('counts a call in flight until it has ended, however it ends, for itself and for its service', async () => {
    const { node, service } = aNode();
    const [good, bad] = [aCall(), aCall()];
    for (const call of [good, bad]) await node.send(call, 1);
    assert.equal(good.destination, node);
    assert.deepEqual([node.load.inFlight, service.inFlight], [2, 2]);
    node.settled(good, classify(undefined));
    node.settled(bad, classify(rpcError('UNAVAILABLE', 'lost', { progress: 'maybe-processed' })));
    assert.deepEqual([node.load.inFlight, service.inFlight], [0, 0]);
  });

  it('sends nothing without a connection', () => {
    const { node, link, service } = aNode();
    link.connection = undefined;
    assert.equal(node.send(aCall(), 1), undefined);
    assert.deepEqual([node.load.inFlight, service.inFlight], [0, 0]);
  });

  it('takes no calls once it is retired, and lets go of its link', () => {
    const { node, link, changes } = aNode();
    node.retire('left');
    node.retire('dead');
    assert.equal(node.isReady, false);
    assert.equal(node.downReason, 'it left');
    assert.equal(link.observers.size, 0);
    assert.equal(changes(), 1);
  });

  it('says why it is gone', () => {
    const reasons = (['dead', 'unknown'] as const).map((reason) => {
      const { node } = aNode();
      node.retire(reason);
      return node.downReason;
    });
    assert.deepEqual(reasons, ['its process is dead', 'neither the registry nor the instance answers for it']);
  });
});
