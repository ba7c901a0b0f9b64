import assert from 'node:assert/strict';
import { POLICIES, parseRules } from '@org/rpc-core/internal';
import { aCall, PickerScene, SceneNode } from '../../test/picker-scene.js';
import { consistentHash } from '../picker/consistent-hash.js';
import { p2c } from '../picker/p2c.js';
import type { PickerFactory } from '../picker/picker.js';
import { activeRules } from '../policy/active-rules.js';
import { ServicePickers } from './service-pickers.js';

const rules = (balancer: object) =>
  activeRules(parseRules(JSON.stringify({ schemaVersion: 1, version: 1, balancer })), 'me', 's');

describe('the pickers of a service', () => {
  it('are those that a rule names, and those that were given when it ends', () => {
    const given = p2c();
    const pickers = new ServicePickers(given);
    for (const picker of POLICIES.balancer.values.picker.oneOf!.filter((name) => name !== 'p2c')) {
      assert.equal(pickers.apply(rules({ mode: 'on', picker })), true, picker);
      assert.equal(pickers.now.name, picker);
      assert.equal(pickers.apply(rules({ mode: 'on', picker })), false, 'the same again is no change');
    }
    assert.equal(pickers.apply(rules({ mode: 'dark', picker: 'random' })), true);
    assert.equal(pickers.now, given);
    assert.equal(pickers.apply(undefined), false);
  });

  it('are those that were given under a dark rule, with others beside them that are told of', () => {
    const told: string[] = [];
    const pickers = new ServicePickers(p2c(), (method, effect) => told.push(`${method}: ${effect}`));
    assert.equal(pickers.apply(rules({ mode: 'dark', picker: 'roundRobin' })), true);
    assert.equal(pickers.apply(rules({ mode: 'dark', picker: 'roundRobin' })), false);
    assert.equal(pickers.now.name, 'p2c');
    const scene = new PickerScene(
      pickers.now,
      ['a', 'b', 'c'].map((name) => new SceneNode(name)),
    );
    for (let i = 0; i < 30; i++) scene.picker.pick(aCall(), 0);
    assert.match(told.at(-1)!, /^buy: [abc] would have been chosen: of \d+ % of the calls so far another instance$/);
    assert.equal(
      pickers.apply(rules({ mode: 'dark', picker: 'p2c' })),
      true,
      'the same as the given one tells nothing',
    );
    assert.equal(pickers.apply(undefined), false);
  });

  it('keep the options that were given where a rule names the same', () => {
    const given = consistentHash({ key: { metadata: 'tenant' } });
    const pickers = new ServicePickers(given);
    assert.equal(pickers.apply(rules({ mode: 'on', picker: 'consistentHash' })), false);
    assert.equal(pickers.now, given);
  });

  it('may be of somebody else', () => {
    const own: PickerFactory = { name: 'mine', create: (nodes) => ({ pick: () => nodes[0] }) };
    const pickers = new ServicePickers(own);
    assert.equal(pickers.apply(rules({ mode: 'on', picker: 'roundRobin' })), true);
    assert.equal(pickers.apply(undefined), true);
    assert.equal(pickers.now, own);
  });

  it('are named by a rule by their right names', () => {
    assert.throws(() => rules({ mode: 'on', picker: 'best' }), /balancer\.picker must be one of p2c, leastActive/);
  });
});
