// A subject with a hole that the search must find, and what it says of it on stdout. Needs --expose-gc.
import type { Gene } from './gene.js';
import { mutateGene, seedGenes } from './mutate-gene.js';
import { searchCosts } from './search.js';
import type { CostSubject } from './subject.js';

await searchCosts(planted(), {
  seed: 1,
  seconds: Number.POSITIVE_INFINITY,
  inputs: 300,
  findings: 1,
  onFinding: (_input, what) => console.log(what),
});

/** Takes a buffer of 300 bytes for each set, which none of what it begins with has. */
function planted(): CostSubject<Gene> {
  const kept: Buffer[] = [];
  return {
    name: 'planted',
    sizes: [16_384, 16_384],
    seeds: () => seedGenes().slice(-1),
    mutate: mutateGene,
    table: [],
    render: (gene, bytes) => ({ input: Buffer.from(JSON.stringify(gene)), bytes, messages: 1 }),
    open: () => ({
      take: ({ input }) => {
        if (input.includes('"set"')) kept.push(Buffer.alloc(300 * 16_384));
      },
      counted: () => undefined,
      close: () => void kept.splice(0),
    }),
  };
}
