import { runChaos } from './chaos.js';

/** Seeds that found a mistake once, each with what it was. */
const REGRESSIONS: readonly (readonly [seed: number, mistake: string])[] = [];

const BATCH = 600;
const BATCHES = 8;

describe('whatever is lost, doubled, late or out of order on the way from etcd, the end is what etcd holds', function () {
  this.timeout(60_000);

  for (let batch = 0; batch < BATCHES; batch++) {
    const first = 1 + batch * BATCH;
    it(`for the seeds ${first} to ${first + BATCH - 1}`, async () => {
      for (let seed = first; seed < first + BATCH; seed++) await runChaos(seed);
    });
  }

  for (const [seed, mistake] of REGRESSIONS) {
    it(`for the seed ${seed}, which found that ${mistake}`, () => runChaos(seed));
  }
});
