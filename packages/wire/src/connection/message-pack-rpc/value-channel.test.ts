import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { TestHost } from '../../../test/connection-rig.js';
import { MessagePackRpcPeer, message } from '../../../test/message-pack-rpc-peer.js';
import { msgpack } from '../../codec/msgpack.js';
import { memoryPair } from '../../transport/memory.js';
import type { ResolvedKeepalive } from '../channel/keepalive.js';
import { ServerConnection } from '../server/server-connection.js';
import { messagePackRpc } from './message-pack-rpc.js';
import { serveMessagePackRpc } from './message-pack-rpc-server-connection.js';

/** The keepalive times that each side gives its operating system, in milliseconds. */
async function probes(keepalive?: ResolvedKeepalive): Promise<{ client: number[]; server: number[] }> {
  const seen: { client: number[]; server: number[] } = { client: [], server: [] };
  const clock = new FakeClock(1_000);
  const shared = { codec: msgpack(), limits: DEFAULT_LIMITS, clock, keepalive };
  const probe = (side: 'client' | 'server') => ({ probe: (ms: number) => void seen[side].push(ms) });
  const [near] = memoryPair();
  messagePackRpc().open({
    ...shared,
    stream: Object.assign(near, probe('client')),
    timers: new TimerQueue(clock),
    observer: { greeted() {}, draining() {}, closed() {} },
    expectInstance: '',
  });
  const [far, stream] = memoryPair();
  const host = new TestHost();
  new ServerConnection({
    ...shared,
    stream: Object.assign(stream, probe('server')),
    host,
    messagePackRpc: serveMessagePackRpc,
  });
  new MessagePackRpcPeer(far).send(message(0, 1, 'test.echo', []));
  await clock.advance(0);
  return seen;
}

describe('a connection of MessagePack-RPC', () => {
  it('whose client has ended its side within a call looks whether it is gone, since nothing else would tell', async () => {
    const clock = new FakeClock(1_000);
    const host = new TestHost();
    host.methods['hang'] = () => new Promise(() => {});
    const [far, stream] = memoryPair();
    let pokes = 0;
    const poke = (): void => {
      if (++pokes === 2) stream.destroy();
    };
    const options = { codec: msgpack(), limits: DEFAULT_LIMITS, clock, host, messagePackRpc: serveMessagePackRpc };
    const connection = new ServerConnection({ ...options, stream: Object.assign(stream, { poke }) });
    const peer = new MessagePackRpcPeer(far);
    peer.send(message(0, 1, 'test.hang', []));
    await clock.advance(0);
    connection.tick(clock.now());
    assert.equal(pokes, 0);
    peer.end();
    for (const _ of [1, 2, 3]) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    await clock.advance(0);
    assert.deepEqual([pokes, host.calls[0]!.signal.aborted, host.closedReasons.length], [2, true, 1]);
  });

  it('has the system look for a peer that is gone without a word, since the wire cannot ask', async () => {
    assert.deepEqual(await probes(), { client: [10_000], server: [10_000] });
    const keepalive = { idleMs: 60_000, suspectMs: 3_000, timeoutMs: 20_000 };
    assert.deepEqual(await probes(keepalive), { client: [60_000], server: [60_000] });
  });
});
