import assert from 'node:assert/strict';
import { defineService, method, notify, RpcError } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { connect, FakeClock } from '@org/rpc-testkit';
import { createServer } from '../face/server.js';
import { DroppedCalls, type OneWayDroppedEvent } from './dropped-calls.js';

const Log = defineService('log', { write: notify<(text: string) => void>(), count: method<() => number>() });
/** What a newer client knows of it. */
const LaterLog = defineService('log', { rotate: notify<() => void>(), count: method<() => number>() });

describe('one-way calls that a server refuses', () => {
  it('are counted and told of, whatever refuses them: a limit, authorization, a method that is not there', async () => {
    const clock = new FakeClock(1_000);
    let count = 0;
    const authorize = ({ metadata }: { metadata: Record<string, string> }): void => {
      if (metadata['who'] === 'eve') throw new RpcError('PERMISSION_DENIED', 'not you');
    };
    const server = createServer({ registry: memory(), clock, authorize, rateLimit: { perSecond: 1, burst: 5 } });
    server.add(Log, { write: () => void count++, count: () => count });
    const events: OneWayDroppedEvent[] = [];
    server.on('oneWayDropped', (event) => events.push(event));
    const client = connect(server, { clock, retry: false });
    const log = client.service(Log);
    await log.with({ metadata: { who: 'eve' } }).write('x');
    await client.service(LaterLog).rotate();
    for (let i = 0; i < 7; i++) await log.write('x');
    await assert.rejects(log.count(), { code: 'RESOURCE_EXHAUSTED' });
    assert.equal(count, 5);
    await clock.advance(1_000);
    assert.deepEqual(
      events.map(({ service, method, code, count }) => [service, method, code, count]),
      [
        ['log', 'write', 'PERMISSION_DENIED', 1],
        [undefined, undefined, 'UNIMPLEMENTED', 1],
        ['log', 'write', 'RESOURCE_EXHAUSTED', 2],
      ],
    );
    assert.match(events[2]!.reason, /the server takes 1 calls a second here \(rateLimit\)/);
    const { refused, dropped } = server.state().calls;
    assert.deepEqual([refused, dropped], [4, 4]);
    await client.close();
  });

  it('are told of by kind, in bounded memory, once for all that came since', () => {
    const dropped = new DroppedCalls();
    const peer = { address: 'a:1' } as never;
    const error = new RpcError('RESOURCE_EXHAUSTED', 'full');
    for (let i = 0; i < 300; i++) dropped.add(error, peer, { service: 's', method: `m${i}` });
    dropped.add(new Error('secret'), peer);
    dropped.add(undefined, peer);
    const told: OneWayDroppedEvent[] = [];
    dropped.flush((event) => told.push(event));
    dropped.flush((event) => told.push(event));
    assert.equal(told.length, 100);
    assert.equal(
      told.reduce((sum, { count }) => sum + count, 0),
      302,
    );
    assert.equal(dropped.total, 302);
    assert.doesNotMatch(JSON.stringify(told), /secret/);
  });
});
