import assert from 'node:assert/strict';
import { type Peer, RpcError } from '@org/rpc-core';
import { FakeClock } from '@org/rpc-testkit';
import { type Authenticate, Authentication, type AuthenticationEvent } from './authentication.js';

const peer: Peer = { address: '10.0.0.7:1234' };

function anAuthentication(authenticate: Authenticate, isHeard = true) {
  const clock = new FakeClock(0);
  const events: AuthenticationEvent[] = [];
  const lines: string[] = [];
  const emit = (event: AuthenticationEvent): boolean => {
    events.push(event);
    return isHeard;
  };
  const door = new Authentication(authenticate, clock, emit, (line) => void lines.push(line));
  const ask = (token?: string, signal = new AbortController().signal): Promise<Peer> =>
    door.ask({ peer, token, certificate: undefined, signal });
  return { ask, clock, events, lines };
}

describe('Authentication', () => {
  it('gives the peer the identity, with its end and claims', async () => {
    const { ask } = anAuthentication(async (_peer, token) => ({
      identity: token!,
      endsAt: 9,
      claims: { roles: ['a'] },
    }));
    const known = { address: peer.address, identity: 'ann', identityEndsAt: 9, claims: { roles: ['a'] } };
    assert.deepEqual(await ask('ann'), known);
  });

  it('keeps the end of the certificate where the answer names none', async () => {
    const { ask } = anAuthentication(({ identityEndsAt }) => `until ${identityEndsAt}`);
    assert.equal((await ask()).identity, 'until undefined');
  });

  it('refuses with what is thrown, and hides what was not meant for the caller', async () => {
    const thrown: unknown[] = [
      new RpcError('PERMISSION_DENIED', 'banned'),
      new RpcError('UNAVAILABLE', 'later'),
      new TypeError('x is undefined'),
      7,
    ];
    const outcomes: unknown[] = [];
    for (const each of thrown) {
      const { ask, events } = anAuthentication(() => {
        throw each;
      });
      const error = await ask().then(
        () => assert.fail(),
        (refusal: RpcError) => refusal,
      );
      outcomes.push([error.code, error.reason, error.progress, events[0]?.reason, events[0]?.isFault]);
    }
    const hidden = 'the server could not find out who is calling';
    assert.deepEqual(outcomes, [
      ['UNAUTHENTICATED', 'banned', 'refused', 'banned', false],
      ['UNAVAILABLE', 'later', 'refused', 'later', false],
      ['UNAVAILABLE', hidden, 'refused', 'x is undefined', true],
      ['UNAVAILABLE', hidden, 'refused', '7', true],
    ]);
  });

  it('prints what went wrong where nobody listens, once a minute, without tokens and lines of others', async () => {
    const authenticate: Authenticate = (_peer, token) => {
      throw new Error(`no\nsuch ${token}`);
    };
    const { ask, clock, lines } = anAuthentication(authenticate, false);
    for (let i = 0; i < 5; i++) await assert.rejects(ask('secret'));
    await clock.advance(60_000);
    await assert.rejects(ask('secret'));
    const line = '[rpc] authenticate failed for 10.0.0.7:1234: no such [token]\n';
    assert.deepEqual(lines, [line, line]);
  });

  it('asks a hundred at a time, and the others in their turn', async () => {
    const asked: (() => void)[] = [];
    const { ask } = anAuthentication(() => new Promise((resolve) => asked.push(() => resolve('ann'))));
    const gone = new AbortController();
    const all = Array.from({ length: 100 }, () => ask());
    const left = assert.rejects(ask(undefined, gone.signal), { code: 'UNAVAILABLE' });
    const last = ask();
    await Promise.resolve();
    assert.equal(asked.length, 100);
    gone.abort();
    await left;
    asked[0]!();
    await all[0];
    await new Promise(setImmediate);
    assert.equal(asked.length, 101);
    for (const answer of asked) answer();
    assert.equal((await last).identity, 'ann');
    await Promise.all(all);
  });
});
