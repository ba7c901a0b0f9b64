import assert from 'node:assert/strict';
import { rpcError } from './error.js';
import { wireName } from './method-ref.js';
import { Call, type Gate } from './service.js';

const ROUTE = { service: 'shop', method: 'buy', wireName: wireName('shop', 'buy') };
const newCall = (): Call => new Call(ROUTE, [1, 2], false);
const REFUSED = rpcError('RESOURCE_EXHAUSTED', 'full', { progress: 'unsent' });

/** The flags of a call, and their initial values. */
const BITS = {
  idempotent: false,
  waitForReady: false,
  isTrial: false,
  hasWaited: false,
  mayRepeat: true,
  mayRepeatBelow: true,
  isHedge: false,
};

/** The properties that most calls never have, with a value for each. */
const RARE = {
  attemptTimeoutMs: 100,
  hashKey: 'user-7',
  pinned: { address: 'a:1' },
  rivals: [{ address: 'a:2' }],
  silent: [{ destination: { address: 'a:3' }, at: 7 }],
  attempts: [],
  responseMetadata: { etag: '1' },
  onSettled: () => {},
  observed: {},
};

describe('what a call carries', () => {
  it('keeps apart what is true or false of it', () => {
    for (const oneWay of [false, true])
      for (const name of Object.keys(BITS) as (keyof typeof BITS)[]) {
        const call = new Call(ROUTE, [], oneWay);
        call[name] = !BITS[name];
        const said = Object.keys(BITS).map((key) => [key, call[key as keyof typeof BITS]]);
        assert.deepEqual(Object.fromEntries(said), { ...BITS, [name]: !BITS[name] });
        assert.equal(call.oneWay, oneWay);
        call[name] = BITS[name];
        assert.equal(call[name], BITS[name]);
      }
  });

  it('keeps apart what most calls never have', () => {
    const names = Object.keys(RARE) as (keyof typeof RARE)[];
    for (const name of names) {
      const call = new Call(ROUTE, [], false);
      assert.equal(call[name], undefined);
      Object.assign(call, { [name]: RARE[name] });
      assert.deepEqual(
        names.filter((other) => call[other] !== undefined),
        [name],
      );
      assert.equal(call[name], RARE[name]);
      Object.assign(call, { [name]: undefined });
      assert.equal(call[name], undefined);
    }
  });

  it('hands on to its next attempt what its caller gave', () => {
    const call = new Call(ROUTE, [1], false);
    Object.assign(call, RARE, { idempotent: true, waitForReady: true, isTrial: true, hasWaited: true, priority: 7 });
    const next = call.nextAttempt(2);
    assert.deepEqual(
      [next.idempotent, next.waitForReady, next.hashKey, next.attemptTimeoutMs, next.pinned, next.priority],
      [true, true, RARE.hashKey, RARE.attemptTimeoutMs, RARE.pinned, 7],
    );
    assert.deepEqual([next.root, next.attempt, next.mayRepeatBelow], [call, 2, false]);
    assert.deepEqual(
      [next.isTrial, next.hasWaited, next.attempts, next.observed, next.onSettled],
      [false, false, undefined, undefined, undefined],
    );
  });
});

describe('a call', () => {
  /** A call that has entered both scopes and records how it settles. */
  function entered(log: string[], call = newCall(), name = ''): Call {
    const scope = (which: string): Required<Gate> => ({
      enter: () => undefined,
      settle: (settled, outcome) =>
        log.push(`${which}${settled === call ? '' : ' of another'} ${outcome?.code ?? 'ok'}`),
    });
    if (call.parent === undefined) call.callGate = scope('call');
    call.attemptGate = scope(`attempt${name}`);
    call.resolve = (value) => log.push(`resolve ${String(value)}`);
    call.reject = (error) => log.push(`reject ${error.code}`);
    return call;
  }

  it('settles attempt, then call, then its promise when it succeeds', () => {
    const log: string[] = [];
    entered(log).succeed(7);
    assert.deepEqual(log, ['attempt ok', 'call ok', 'resolve 7']);
  });

  it('settles nothing more after it has succeeded', () => {
    const log: string[] = [];
    const call = entered(log);
    call.succeed(7);
    call.settleAttempt(REFUSED);
    call.settleCall(REFUSED);
    assert.deepEqual(log, ['attempt ok', 'call ok', 'resolve 7']);
  });

  it('settles its attempt only when it fails: another may follow', () => {
    const log: string[] = [];
    const call = entered(log);
    call.fail(REFUSED);
    assert.deepEqual(log, ['attempt RESOURCE_EXHAUSTED', 'reject RESOURCE_EXHAUSTED']);
    call.settleCall(REFUSED);
    call.settleCall(REFUSED);
    assert.deepEqual(log.slice(2), ['call RESOURCE_EXHAUSTED']);
  });

  it('settles each gate once, whatever comes later', () => {
    const log: string[] = [];
    const call = entered(log);
    call.settleAttempt(REFUSED);
    call.settleAttempt(REFUSED);
    call.succeed(1);
    call.settleCall(REFUSED);
    call.settleAttempt(REFUSED);
    assert.deepEqual(log, ['attempt RESOURCE_EXHAUSTED', 'call ok', 'resolve 1']);
  });

  it('ends with the success of a later attempt, and takes over what that brought', () => {
    const log: string[] = [];
    const call = entered(log);
    const second = entered(log, call.nextAttempt(1), ' 2');
    second.destination = { address: 'b:1' };
    second.responseMetadata = { zone: 'x' };
    second.endedAt = 99;
    second.succeed(5);
    assert.deepEqual(log, ['attempt 2 ok', 'call ok', 'resolve 5']);
    assert.deepEqual([call.destination, call.responseMetadata, call.endedAt], [{ address: 'b:1' }, { zone: 'x' }, 99]);
  });

  it('settles its own scope once when two attempts succeed', () => {
    const log: string[] = [];
    const call = entered(log);
    entered(log, call.nextAttempt(1), ' 2').succeed('second');
    call.succeed('first');
    assert.deepEqual(log, ['attempt 2 ok', 'call ok', 'resolve second', 'attempt ok', 'resolve first']);
  });

  it('gives a later attempt what the user asked for, a root, and nothing of an earlier attempt', () => {
    const call = newCall();
    const { signal } = new AbortController();
    const asked = { deadline: 50, attemptTimeoutMs: 9, metadata: { a: 'b' }, signal, idempotent: true, priority: 3 };
    Object.assign(call, asked, {
      hashKey: 'k',
      waitForReady: true,
      id: 77,
      startedAt: 5,
      destination: { address: 'a:1' },
    });
    const third = call.nextAttempt(1).nextAttempt(2);
    assert.equal(third.parent, call);
    assert.equal(third.root, call);
    assert.equal(call.root, call);
    assert.equal(third.attempt, 2);
    const { deadline, attemptTimeoutMs, metadata, idempotent, priority, hashKey, waitForReady } = third;
    assert.deepEqual({ deadline, attemptTimeoutMs, metadata, signal: third.signal, idempotent, priority }, asked);
    assert.deepEqual([hashKey, waitForReady, third.args, third.methodRef], ['k', true, call.args, call.methodRef]);
    assert.deepEqual([third.id, third.startedAt, third.destination, third.holder], [0, 0, undefined, undefined]);
    assert.equal(third.attemptDeadline, Number.POSITIVE_INFINITY);
  });
});

describe('wireName', () => {
  it('is the two lengths and the two names', () => {
    assert.deepEqual(Buffer.from(wireName('shop', 'buy')), Buffer.from('\x04\x03shopbuy'));
  });
});
