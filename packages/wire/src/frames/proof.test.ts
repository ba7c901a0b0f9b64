import assert from 'node:assert/strict';
import { clientRig, greetedServerRig, serverRig } from '../../test/connection-rig.js';
import { goAwayFrame, helloFrame, readGoAway, requestFrame } from '../../test/raw-peer.js';
import { FrameType, GoAwayCode, PREFACE } from './frame.js';
import { readHello } from './hello.js';
import { isProof, proofsOf } from './proof.js';

const SECRET = `${'A'.repeat(42)}E`;
const INSTANCE = 'test-instance';

describe('the proofs of a secret', () => {
  it('are those of the page of the protocol', () => {
    assert.deepEqual(proofsOf(SECRET, 'users-1'), {
      client: 'Ln9RweHcFkLz5L7mGxAFOOdzK7nA5rE4r3EVpLyb1TM',
      server: 'TE7Fee7t9TnV7ExiiGBtBAgXAOiT1pOsvY_WyMbKCc8',
    });
  });

  it('are others for each side, instance and secret', () => {
    const all = [proofsOf(SECRET, 'a'), proofsOf(SECRET, 'b'), proofsOf(`${SECRET}x`, 'a')].flatMap((each) =>
      Object.values(each),
    );
    assert.equal(new Set(all).size, 6);
  });

  for (const given of [undefined, '', 'x', 'ABC', 'ABCDE', 'abcd', '\u{1f600}'])
    it(`are told from ${JSON.stringify(given) ?? 'none'}`, () => assert.ok(!isProof(given, 'ABCD')));
});

describe('a server whose entry has a secret', () => {
  const { client, server } = proofsOf(SECRET, INSTANCE);

  for (const [what, fields] of [
    ['no proof', {}],
    ['another proof', { proof: client.toLowerCase() }],
    ['the proof of a server', { proof: server }],
    ['the secret itself', { proof: SECRET }],
  ] as const) {
    it(`sends away who shows ${what}, and runs nothing of what comes with it`, async () => {
      const rig = serverRig({ secret: { text: SECRET, isDemanded: true } });
      rig.peer.send(PREFACE, helloFrame(fields), requestFrame(1, ['a']), requestFrame(0, ['a'], { flags: 1 }));
      await rig.settle();
      assert.equal(rig.peer.goAway.code, GoAwayCode.NOT_ACCEPTED);
      assert.match(rig.peer.goAway.reason, /only calls of its own user/);
      assert.equal(rig.peer.framesOf(FrameType.HELLO).length, 0);
      assert.deepEqual(rig.host.calls, []);
      assert.ok(!rig.peer.bytes.includes(server));
    });
  }

  it('lets in who knows it, and shows that it does', async () => {
    const rig = serverRig({ secret: { text: SECRET, isDemanded: true } });
    rig.peer.send(PREFACE, helloFrame({ proof: client }), requestFrame(1, ['a']));
    await rig.settle();
    const { body } = rig.peer.only(FrameType.HELLO);
    assert.equal(readHello(body, 0, body.length).proof, server);
    assert.equal(rig.peer.framesOf(FrameType.RESPONSE).length, 1);
  });

  it('shows nothing to others where it lets them in', async () => {
    const rig = serverRig({ secret: { text: SECRET, isDemanded: false } });
    rig.peer.send(PREFACE, helloFrame({ proof: 'x' }), requestFrame(1, ['a']));
    await rig.settle();
    const { body } = rig.peer.only(FrameType.HELLO);
    assert.equal(readHello(body, 0, body.length).proof, undefined);
    assert.equal(rig.peer.framesOf(FrameType.RESPONSE).length, 1);
  });

  it('serves no MessagePack-RPC, and says why', async () => {
    const rig = serverRig({ secret: { text: SECRET, isDemanded: true } });
    rig.peer.send(Buffer.from('940001a4746573749100', 'hex'));
    await rig.settle();
    assert.match(rig.peer.bytes.toString(), /only calls of its own user/);
    assert.deepEqual(rig.host.calls, []);
  });

  it('without one ignores what is shown', async () => {
    const rig = await greetedServerRig();
    const { body } = rig.peer.only(FrameType.HELLO);
    assert.equal(readHello(body, 0, body.length).proof, undefined);
  });
});

describe('a client that found its server by an entry with a secret', () => {
  const { client, server } = proofsOf(SECRET, INSTANCE);

  it('shows that it knows it, and sends no call before the server has', async () => {
    const rig = clientRig({ secret: SECRET, expectInstance: INSTANCE });
    const sent = rig.call('echo', ['a'], { timeoutMs: 1_000 });
    await rig.settle();
    const { body } = rig.peer.only(FrameType.HELLO);
    assert.equal(readHello(body, 0, body.length).proof, client);
    assert.ok(!rig.peer.bytes.includes(SECRET));
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 0);
    rig.peer.send(helloFrame({ instance: INSTANCE, proof: server }));
    await rig.settle();
    assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 1);
    assert.equal(sent.settledTimes, 0);
    rig.connection.close('done');
  });

  for (const [what, fields] of [
    ['nothing', {}],
    ['what the client has shown', { proof: client }],
    ['something else', { proof: `${server}A` }],
  ] as const) {
    it(`leaves one that shows ${what}, and calls nothing`, async () => {
      const rig = clientRig({ secret: SECRET, expectInstance: INSTANCE });
      const sent = rig.call('echo', ['a'], { timeoutMs: 1_000 });
      rig.peer.send(helloFrame({ instance: INSTANCE, ...fields }));
      await rig.settle();
      assert.equal(readGoAway(rig.peer.only(FrameType.GOAWAY)).code, GoAwayCode.NOT_ACCEPTED);
      assert.equal(rig.peer.framesOf(FrameType.REQUEST).length, 0);
      assert.deepEqual([sent.error?.code, sent.error?.progress], ['UNAVAILABLE', 'unsent']);
      assert.match(sent.error!.message, /does not know the secret of its entry/);
    });
  }

  it('is told why where it was sent away', async () => {
    const rig = clientRig({ secret: SECRET, expectInstance: INSTANCE });
    const sent = rig.call('echo', ['a'], { timeoutMs: 1_000 });
    rig.peer.send(goAwayFrame(GoAwayCode.NOT_ACCEPTED, 'not of this user'));
    await rig.settle();
    assert.match(sent.error!.message, /not of this user/);
  });
});
