import assert from 'node:assert/strict';
import { fuseGates, stack } from './compose.js';
import { rpcError } from './error.js';
import { wireName } from './method-ref.js';
import { Call, type Gate, type Layer } from './service.js';

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
  /** A gate that records its calls. */
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
