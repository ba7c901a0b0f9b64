import assert from 'node:assert/strict';
import { encoded, hex } from './codec-helpers.js';
import { type RigOptions, type ServerRig, serverRig } from './connection-rig.js';
import { MessagePackRpcPeer, message } from './message-pack-rpc-peer.js';

const ECHO = message(0, 1, 'echo', ['hi']);
const ECHOED = [1, 1, null, 'hi'];

/** A server's connection with a peer that has said nothing yet. */
function rig(options: RigOptions = {}): Omit<ServerRig, 'peer'> & { readonly peer: MessagePackRpcPeer } {
  const { peer, ...rest } = serverRig(options);
  return { ...rest, peer: new MessagePackRpcPeer(peer.stream) };
}

describe('parameters of MessagePack-RPC', () => {
  it('may be a hundred thousand', async () => {
    const { host, peer, settle } = rig();
    host.methods['count'] = (...all: unknown[]) => all.length - 1;
    peer.send(
      message(
        0,
        1,
        'count',
        Array.from({ length: 100_000 }, (_, index) => index),
      ),
    );
    await settle();
    assert.deepEqual(peer.messages, [[1, 1, null, 100_000]]);
  });

  for (const [name, params, reason] of [
    ['more than a million', Buffer.concat([hex('dd 000f4241'), Buffer.alloc(1_000_001, 0xc0)]), /elements/],
    ['nested too deep', hex(`${'91'.repeat(70)}c0`), /deep/],
    ['an array that promises four billion', hex('dd ffffffff'), /array|elements|bytes/],
    ['a text that promises four billion bytes', hex('91 db ffffffff'), /bytes/],
  ] as const) {
    it(`are refused, with or without closing the connection, for little memory: ${name}`, async () => {
      const { host, peer, settle } = rig();
      peer.send(Buffer.concat([hex('94 00 05'), encoded('echo'), params]));
      await settle();
      const [, , error] = peer.messages[0] as unknown[];
      assert.match(String(error), /^INVALID_ARGUMENT: |^RESOURCE_EXHAUSTED: /);
      assert.match(String(error), reason);
      assert.equal(host.calls.length, 0);
    });
  }

  it('that are missing make a message of three items, which closes the connection without a word', async () => {
    const { host, peer, settle } = rig();
    peer.send(ECHO, hex('93 00 02'), encoded('echo'));
    await settle();
    assert.deepEqual(peer.messages, [ECHOED]);
    assert.match(host.closedReasons[0]!, /type 0 with 3 items/);
    assert.ok(peer.hasEnded);
  });
});

describe('answers that a server did not ask for', () => {
  for (const error of [null, false, 0, '', {}, [], 'text']) {
    it(`are ignored, whatever they say: error ${JSON.stringify(error)}`, async () => {
      const { peer, settle } = rig();
      peer.send(ECHO, message(1, 7, error, 'result'), message(1, -1, error, null), message(1, 'x', error, null), ECHO);
      await settle();
      assert.deepEqual(peer.messages, [ECHOED, ECHOED]);
    });
  }
});

describe('a flood of notifications', () => {
  it('runs no more handlers than calls may be in flight, and costs the calls beside it nothing', async () => {
    const { connection, host, peer, settle } = rig({ limits: { callsInFlight: 50 } });
    host.methods['hang'] = () => new Promise(() => {});
    peer.send(Buffer.concat(Array.from({ length: 10_000 }, () => message(2, 'hang', []))));
    await settle();
    assert.deepEqual([host.calls.length, connection.running], [50, 50]);
    assert.deepEqual([host.closedReasons, peer.hasEnded], [[], false]);
  });

  it('that are served at once is work like any other', async () => {
    const { connection, host, peer, settle } = rig();
    peer.send(Buffer.concat(Array.from({ length: 10_000 }, () => message(2, 'echo', ['x']))), ECHO);
    await settle();
    assert.deepEqual([host.calls.length, connection.running], [10_001, 0]);
    assert.deepEqual(peer.messages, [ECHOED]);
  });
});

describe('messages in one segment', () => {
  for (const [name, garbage] of [
    ['the byte that MessagePack never uses', hex('c1')],
    ['a text', encoded('hello')],
    ['a greeting of the native protocol', hex('c1 52 50 43 01')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ] as const) {
    it(`are answered up to the garbage, and the connection is closed: ${name}`, async () => {
      const { host, peer, settle } = rig();
      peer.send(Buffer.concat([ECHO, ECHO, ECHO, garbage, ECHO]));
      await settle();
      assert.deepEqual(peer.messages, [ECHOED, ECHOED, ECHOED]);
      assert.equal(host.calls.length, 3);
      assert.ok(peer.hasEnded);
    });
  }
});
