import { runFaultSequence } from './fault-sequence.js';

/** What is expected within 2 s; the rest is what a busy machine may add. `npm run faults:sequences` keeps to the 2 s. */
const BOUND_MS = 5_000;

describe('whatever faults of etcd follow each other, servers and clients agree with it soon after it answers', function () {
  this.timeout(240_000);

  for (const seed of [1, 2]) {
    it(`for the seed ${seed}`, async () => {
      await runFaultSequence({ seed, steps: 5, boundMs: BOUND_MS });
    });
  }

  it('for the seed 3, in a cluster of three', async () => {
    await runFaultSequence({ seed: 3, steps: 4, isCluster: true, boundMs: BOUND_MS });
  });
});
