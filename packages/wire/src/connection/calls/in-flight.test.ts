import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import fc from 'fast-check';
import { InFlight } from './in-flight.js';

const ROUTE = { service: 'test', method: 'echo', wireName: new Uint8Array() };
const newCall = (): Call => new Call(ROUTE, [], false);
const ID_MAX = 0x7fff_ffff;

describe('the calls in flight', () => {
  it('gives out ids from 1 on, and each call for its id once', () => {
    const inFlight = new InFlight();
    const [first, second] = [newCall(), newCall()];
    assert.deepEqual([inFlight.add(first), inFlight.add(second)], [1, 2]);
    assert.deepEqual([first.id, second.id, inFlight.size], [1, 2, 2]);
    assert.equal(inFlight.take(2), second);
    assert.equal(inFlight.take(2), undefined);
    assert.equal(inFlight.take(1), first);
    assert.equal(inFlight.size, 0);
  });

  it('has no call for ids that it never gave out, 0 and the ids of a server among them', () => {
    const inFlight = new InFlight();
    for (let i = 0; i < 70; i++) inFlight.add(newCall());
    for (const id of [0, 71, 1 + 128, 1 + 65_536, 0x8000_0001, 0xffff_ffff]) assert.equal(inFlight.take(id), undefined);
    assert.equal(inFlight.size, 70);
  });

  it('gives an id that was given up to nobody for a long time, however many calls follow one by one', () => {
    const inFlight = new InFlight();
    const id = inFlight.add(newCall());
    inFlight.take(id);
    for (let i = 0; i < 100_000; i++) {
      const next = inFlight.add(newCall());
      assert.notEqual(next, id);
      inFlight.take(next);
    }
  });

  it('begins again at 1 after the highest id, and passes over the ids that are still in flight', () => {
    const wrapped = new InFlight(ID_MAX - 1);
    assert.deepEqual([wrapped.add(newCall()), wrapped.add(newCall())], [ID_MAX, 1]);
    const late = newCall();
    const slowStart = new InFlight(ID_MAX - 64);
    slowStart.add(late);
    const ids = Array.from({ length: 200 }, () => {
      const id = slowStart.add(newCall());
      slowStart.take(id);
      return id;
    });
    assert.equal(new Set([...ids, late.id]).size, 201);
    assert.ok(ids.every((id) => id >= 1 && id <= ID_MAX));
    assert.equal(slowStart.take(late.id), late);
  });

  it('holds as many calls as there may be', () => {
    const inFlight = new InFlight(ID_MAX - 1_000);
    const calls = Array.from({ length: 65_535 }, newCall);
    for (const call of calls) inFlight.add(call);
    assert.equal(inFlight.size, 65_535);
    assert.equal(new Set(calls.map(({ id }) => id)).size, 65_535);
    for (const call of calls) assert.equal(inFlight.take(call.id), call);
  });

  it('gives back every call at the end', () => {
    const inFlight = new InFlight();
    const calls = Array.from({ length: 100 }, newCall);
    for (const call of calls) inFlight.add(call);
    const taken = inFlight.take(50);
    assert.deepEqual(new Set(inFlight.takeAll()), new Set(calls.filter((call) => call !== taken)));
    assert.equal(inFlight.size, 0);
    assert.deepEqual(inFlight.takeAll(), []);
  });

  it('finds what a map would find, from any id on', () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(-1) }, fc.nat(1_000)), { maxLength: 300 });
    const start = fc.oneof(fc.constant(0), fc.integer({ min: ID_MAX - 100, max: ID_MAX }), fc.nat(ID_MAX));
    const property = fc.property(start, steps, (lastId, choices) => {
      const inFlight = new InFlight(lastId);
      const model = new Map<number, Call>();
      for (const choice of choices) {
        if (choice < 0) {
          const call = newCall();
          const id = inFlight.add(call);
          assert.ok(!model.has(id) && id >= 1 && id <= ID_MAX);
          model.set(id, call);
        } else if (model.size > 0) {
          const id = [...model.keys()][choice % model.size]!;
          assert.equal(inFlight.take(id), model.get(id));
          model.delete(id);
          assert.equal(inFlight.take(id), undefined);
        }
        assert.equal(inFlight.size, model.size);
      }
    });
    fc.assert(property, { numRuns: 200, seed: 7 });
  });
});
