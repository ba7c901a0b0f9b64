import { posix } from 'node:path';
import { importsOf, packageEntries } from './imports.js';
import { type Finding, publishedSources, type Rule, type Tree } from './source.js';

/** Every published file can be reached from an export, a command or the URL of a worker. Tests do not count. */
export const unused: Rule = (tree) => {
  const imports = importsOf(tree);
  const reached = new Set<string>();
  const queue = entryPoints(tree);
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { target } of imports.get(path) ?? []) if (target !== undefined) queue.push(target);
  }
  return publishedSources(tree)
    .filter(({ path }) => !path.endsWith('.d.ts') && !reached.has(path))
    .map(
      ({ path }): Finding => ({ path, line: 1, message: 'no entry point leads here: use it, export it or delete it' }),
    );
};

function entryPoints(tree: Tree): string[] {
  const commands = [...tree.manifests].flatMap(([folder, { bin }]) =>
    Object.values(bin ?? {}).map((path) =>
      posix.join(folder, path.replace(/^(\.\/)?dist\//, 'src/').replace(/\.js$/, '.ts')),
    ),
  );
  return [...packageEntries(tree).values(), ...commands];
}
