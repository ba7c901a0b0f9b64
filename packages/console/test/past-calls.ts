import { latencyBucket } from '@org/rpc-core/internal';
import { emptyFlow, type PairCalls } from '../src/traffic/traffic.js';

/** A hundred calls of shop.buy that took 150 ms, of which 27 were too late. */
export function pastCalls(): PairCalls {
  const flow = emptyFlow();
  flow.calls = 100;
  flow.latency.set(latencyBucket(150), 100);
  flow.codes.set('DEADLINE_EXCEEDED', 27);
  return {
    pair: { service: 'shop', method: 'buy', kind: 'unary', caller: 'web', instance: 'one' },
    flow,
    slots: new Map(),
  };
}
