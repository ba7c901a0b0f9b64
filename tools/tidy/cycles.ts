import { importsOf } from './imports.js';
import type { Finding, Rule } from './source.js';

/** No file imports itself over others. Type imports count: they tie files together for the reader all the same. */
export const cycles: Rule = (tree) => {
  const imports = importsOf(tree);
  const edges = new Map<string, string[]>();
  for (const [path, list] of imports) {
    edges.set(
      path,
      list.flatMap(({ target, spawned }) => (target === undefined || spawned ? [] : [target])),
    );
  }
  return findCycles(edges).map((cycle): Finding => {
    const first = cycle[0]!;
    const line = imports.get(first)?.find(({ target }) => target === (cycle[1] ?? first))?.line ?? 1;
    const round = [...cycle, first].join(' -> ');
    return { path: first, line, message: `import cycle: ${round}; move what they share into a file of its own` };
  });
};

/** The shortest cycle through each file that is on one, each cycle once. */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const found = new Map<string, string[]>();
  for (const start of [...edges.keys()].sort()) {
    const cycle = shortestCycle(edges, start);
    if (cycle === undefined) continue;
    const key = [...cycle].sort().join();
    if (!found.has(key)) found.set(key, cycle);
  }
  return [...found.values()];
}

// Breadth first from `start` until an edge leads back to it.
function shortestCycle(edges: ReadonlyMap<string, readonly string[]>, start: string): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]]);
  const queue = [start];
  for (let i = 0; i < queue.length; i++) {
    const path = queue[i]!;
    for (const next of edges.get(path) ?? []) {
      if (next === start) return pathTo(cameFrom, path);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function pathTo(cameFrom: ReadonlyMap<string, string | undefined>, end: string): string[] {
  const path: string[] = [];
  for (let at: string | undefined = end; at !== undefined; at = cameFrom.get(at)) path.unshift(at);
  return path;
}
