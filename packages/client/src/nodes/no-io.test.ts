import assert from 'node:assert/strict';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import { TimerQueue } from '@org/rpc-core/internal';
import type { Endpoint, RegistryHandle } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { msgpack } from '@org/rpc-wire';
import { p2c } from '../picker/p2c.js';
import { ServiceRules } from '../rules/service-rules.js';
import { Balancer } from './balancer.js';
import { Link } from './link.js';
import { Pool } from './pool.js';

const ENDPOINT: Endpoint = { id: 'a', host: 'h', port: 1, weight: 100, state: 'up' };

describe('what keeps nodes', () => {
  const clock = new FakeClock();
  const random = seededRandom(1);
  const touched: string[] = [];
  const links = {
    dial: () => {
      touched.push('dial');
      return new Promise<never>(() => {});
    },
    codec: msgpack(),
    limits: DEFAULT_LIMITS,
    clock,
    random,
    timers: new TimerQueue(clock),
  };
  const watch = (name: string) => () => {
    touched.push(name);
    return { close() {} };
  };
  const source = { watch: watch('rules'), report() {} };
  const registry = { watch: watch('registry'), rules: source } as unknown as RegistryHandle;

  beforeEach(() => touched.splice(0));

  it('does no I/O and sets no timer when it is made', () => {
    const pool = new Pool(links);
    const link = new Link(ENDPOINT, links);
    new ServiceRules('shop', { source, instance: 'me', clock, emit() {}, onSwap() {} });
    new Balancer('shop', {
      registry,
      registryDisplay: 'fake',
      registryError: () => undefined,
      namespace: 'test',
      instance: 'me',
      pool,
      pickers: p2c(),
      breakers: undefined,
      clock,
      random,
      emit() {},
    });
    assert.deepEqual([touched, link.state, clock.pending], [[], 'idle', 0]);
  });

  it('does it with the first use', () => {
    const link = new Pool(links).acquire(ENDPOINT);
    assert.deepEqual([touched, link.state], [['dial'], 'connecting']);
    link.close('test over');
    new ServiceRules('shop', { source, instance: 'me', clock, emit() {}, onSwap() {} }).open();
    assert.deepEqual(touched, ['dial', 'rules']);
  });
});
