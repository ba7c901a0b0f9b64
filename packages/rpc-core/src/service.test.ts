import assert from 'node:assert/strict';
import { rpcError } from './error.js';
import { Call, fuseGates, type Gate, type Layer, stack, wireName } from './service.js';

const ROUTE = { service: 'shop', method: 'buy', wireName: wireName('shop', 'buy') };
const newCall = (): Call => new Call(ROUTE, [1, 2], false);
const REFUSED = rpcError('RESOURCE_EXHAUSTED', 'full', { progress: 'unsent' });

describe('stack', () => {
  it('shows the call to the first layer first, and the outcome to it last', async () => {
    const log: string[] = [];
    const layer = (name: string): Layer => {
      return (next) => async (call) => {
        log.push(`${name} in`);
        const value = await next(call);
        log.push(`${name} out`);
        return value;
      };
    };
    const service = stack([layer('a'), layer('b')], async (call) => {
      log.push('inner');
      return call.args;
    });
    assert.deepEqual(await service(newCall()), [1, 2]);
    assert.deepEqual(log, ['a in', 'b in', 'inner', 'b out', 'a out']);
  });

  it('is the innermost service itself when there are no layers', () => {
    const inner = async (): Promise<unknown> => 1;
    assert.equal(stack([], inner), inner);
  });
});

describe('fuseGates', () => {
  /** A gate that writes down what it is told. */
  function gate(log: string[], name: string, refuses = false): Gate {
    return {
      enter() {
        log.push(`enter ${name}`);
        return refuses ? REFUSED : undefined;
      },
      settle(_call, outcome) {
        log.push(`settle ${name} ${outcome?.code ?? 'ok'}`);
      },
    };
  }

  it('enters in order and settles in reverse order', () => {
    const log: string[] = [];
    const fused = fuseGates([gate(log, 'a'), gate(log, 'b')]);
    const call = newCall();
    assert.equal(fused.enter(call), undefined);
    fused.settle(call, undefined);
    assert.deepEqual(log, ['enter a', 'enter b', 'settle b ok', 'settle a ok']);
  });

  it('settles exactly the gates that were entered when one refuses, and gives the refusal', () => {
    const log: string[] = [];
    const fused = fuseGates([gate(log, 'a'), gate(log, 'b'), gate(log, 'c', true), gate(log, 'd')]);
    assert.equal(fused.enter(newCall()), REFUSED);
    const code = 'RESOURCE_EXHAUSTED';
    assert.deepEqual(log, ['enter a', 'enter b', 'enter c', `settle b ${code}`, `settle a ${code}`]);
  });

  it('takes gates that only enter or only settle, each in its place', () => {
    const log: string[] = [];
    const [a, b, c, d] = [gate(log, 'a'), gate(log, 'b'), gate(log, 'c', true), gate(log, 'd')];
    const fused = fuseGates([
      { settle: a.settle!.bind(a) },
      { enter: b.enter!.bind(b) },
      c,
      { settle: d.settle!.bind(d) },
    ]);
    assert.equal(fused.enter(newCall()), REFUSED);
    assert.deepEqual(log, ['enter b', 'enter c', 'settle a RESOURCE_EXHAUSTED']);
  });

  it('keeps `this` of its gates', () => {
    class Counting implements Gate {
      #count = 0;
      enter(): undefined {
        this.#count++;
      }
      settle(): void {
        assert.equal(this.#count, 1);
      }
    }
    const fused = fuseGates([new Counting()]);
    const call = newCall();
    fused.enter(call);
    fused.settle(call, undefined);
  });
});

describe('a call', () => {
  /** A call that has entered both scopes and writes down how it settles. */
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
