import assert from 'node:assert/strict';
import { stack } from './compose.js';
import { guardLayers, guardStreamLayers } from './guard-layer.js';
import { Call, type Layer, type Service } from './service.js';
import type { StreamLayer } from './stream.js';

const newCall = (): Call => new Call({ service: 'a', method: 'b', wireName: 'ab' } as never, [], false);

/** The result of a call through a layer, of any type that JavaScript allows. */
const through = async (layer: (next: Service) => unknown, below: Service): Promise<unknown> =>
  stack(guardLayers([layer as Layer]), below)(newCall());

const three: Service = async () => 3;
const nothing: Service = async () => undefined;
const failing: Service = () => Promise.reject(new Error('below'));

describe('guardLayers', () => {
  it('lets through what a layer passes on, replaces, or throws', async () => {
    assert.equal(await through((next) => (call: Call) => next(call), three), 3);
    assert.equal(await through((next) => (call: Call) => next(call), nothing), undefined);
    assert.equal(await through(() => async () => 4, three), 4);
    assert.equal(await through(() => async () => undefined, three), undefined, 'it was not passed on');
    const toNull = (next: Service) => async (call: Call) => {
      await next(call);
      return null;
    };
    assert.equal(await through(toNull, three), null);
    await assert.rejects(
      through((next) => (call: Call) => next(call), failing),
      /^Error: below$/,
    );
    const fallback = (next: Service) => (call: Call) => next(call).catch(() => undefined);
    assert.equal(await through(fallback, failing), undefined);
  });

  it('names the layer that forgets to return, in a plain function and in an async one', async () => {
    const message =
      /^INTERNAL: the layer forgetful \(layers\.unary\[0\]\) returned nothing: it must return what next\(call\)/;
    for (const below of [three, failing]) {
      const forgetful = (next: Service) => (call: Call) => {
        next(call);
      };
      await assert.rejects(through(forgetful, below), { code: 'INTERNAL', message });
    }
    const forgetful = (next: Service) => async (call: Call) => {
      await next(call);
    };
    await assert.rejects(through(forgetful, three), { code: 'INTERNAL', message });
  });
});

describe('guardStreamLayers', () => {
  it('names the layer that gives nothing to iterate', () => {
    const silent: StreamLayer = (next) => (call, items) => {
      next(call, items);
      return undefined as never;
    };
    const [guarded] = guardStreamLayers([silent]);
    const inner = async function* () {};
    assert.throws(() => guarded!(inner)(newCall(), undefined as never), {
      code: 'INTERNAL',
      message: /the layer silent \(layers\.stream\[0\]\) returned nothing/,
    });
  });
});
