import assert from 'node:assert/strict';
import { Call } from '@org/rpc-core';
import { aCall, SceneNode } from '../../test/picker-scene.js';
import { Denials } from './denials.js';

function scene(names: readonly string[]) {
  const denials = new Denials();
  const nodes = names.map((name) => new SceneNode(name));
  return { denials, nodes };
}

/** A call that one node has denied, on its way to the next. */
function repeat(): Call {
  const call = aCall();
  call.attempts = [{ endpoint: 'a', durationMs: 1, code: 'PERMISSION_DENIED', progress: 'refused' }];
  return call.nextAttempt(1);
}

describe('Denials', () => {
  it('find the node that denies what its peers answer, within some calls', () => {
    const { denials, nodes } = scene(['a', 'b', 'c']);
    const [a, b, c] = nodes;
    let found = -1;
    for (let round = 0; found < 0; round++) {
      if (denials.record(a!, aCall(), 'denied', round)) found = round;
      denials.record(b!, aCall(), 'ok', round);
      denials.record(c!, aCall(), 'business', round);
    }
    assert.ok(found >= 2 && found <= 6, `after ${found} rounds`);
  });

  it('find it by what it denies in a row where it has answered for long', () => {
    const { denials, nodes } = scene(['a', 'b']);
    const [a, b] = nodes;
    denials.record(b!, aCall(), 'denied', 0);
    for (let at = 0; at < 10_000; at += 10) {
      denials.record(a!, aCall(), 'ok', at);
      denials.record(b!, aCall(), 'ok', at);
    }
    let denied = 1;
    for (; !denials.record(a!, aCall(), 'denied', 10_000); denied++) denials.record(b!, aCall(), 'ok', 10_000);
    assert.ok(denied <= 12, `after ${denied}`);
  });

  it('find none where all deny alike, wholly or in part', () => {
    const { denials, nodes } = scene(['a', 'b', 'c']);
    for (let i = 0; i < 3_000; i++) {
      const isDenied = i % 9 < 3;
      assert.equal(denials.record(nodes[i % 3]!, aCall(), isDenied ? 'denied' : 'ok', i), false);
    }
    for (let i = 0; i < 3_000; i++) assert.equal(denials.record(nodes[i % 3]!, aCall(), 'denied', 3_000 + i), false);
  });

  it('say that a repeat is of no use when none of those before was answered, until that has aged', () => {
    const { denials, nodes } = scene(['a', 'b']);
    const [a, b] = nodes;
    for (let i = 0; i < 8; i++) {
      assert.equal(denials.mayBeAnswered(aCall(), i), true);
      denials.record(a!, aCall(), 'denied', i);
      denials.record(b!, repeat(), 'denied', i);
      denials.record(a!, aCall(), 'ok', i);
    }
    assert.equal(denials.mayBeAnswered(aCall(), 8), false);
    assert.equal(denials.mayBeAnswered(aCall(), 20_000), true);
  });

  it('hold nothing before a denial, nor some time after the last one', () => {
    const { denials, nodes } = scene(['a']);
    denials.record(nodes[0]!, aCall(), 'ok', 0);
    assert.equal(denials.isActive, false);
    denials.record(nodes[0]!, aCall(), 'denied', 1);
    assert.equal(denials.isActive, true);
    denials.record(nodes[0]!, aCall(), 'ok', 60_001);
    assert.equal(denials.isActive, true);
    denials.record(nodes[0]!, aCall(), 'ok', 60_002);
    assert.equal(denials.isActive, false);
  });

  it('are bounded: the method that was denied first is forgotten', () => {
    const { denials } = scene([]);
    const method = (index: number): Call =>
      new Call({ service: 'shop', method: `m${index}`, wireName: new Uint8Array() }, [], false);
    const nodes = Array.from({ length: 1_000 }, (_, index) => new SceneNode(`${index}`));
    for (let index = 0; index < 60; index++)
      for (const node of nodes) denials.record(node, method(index), 'denied', index);
    for (let i = 0; i < 9; i++) denials.record(nodes[0]!, repeat(), 'denied', 60);
    assert.ok(denials.size <= 50_000, `${denials.size}`);
    for (const node of nodes) denials.forget(node);
    assert.equal(denials.size, 0);
  });
});
