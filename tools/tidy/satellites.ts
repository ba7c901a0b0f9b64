import { importsOf } from './imports.js';
import { fileLines } from './lengths.js';
import { type Finding, publishedSources, type Rule, type Tree } from './source.js';

/** A published file with fewer lines than this has to have more than one reader, or a test. */
export const SATELLITE_LINES_MAX = 60;

// What gathers exports reads everything, and owns nothing.
const GATHERING = /\/(index|internal|main|msgpackr)\.m?ts$/;

/**
 * A short file that one other file imports, and that has no test, belongs into that file. A test is one that imports it, or the one
 * of its name beside it: `open-loop.test.ts` may test `open-loop.ts` through what runs it.
 */
export const satellites: Rule = (tree) => {
  const findings: Finding[] = [];
  for (const [path, owner] of ownersOf(tree)) {
    const message = `fewer than ${SATELLITE_LINES_MAX} lines, read by ${owner} alone and without a test: move it in there, or test it`;
    findings.push({ path, line: 1, message });
  }
  return findings;
};

/** The short files with one reader and no test, and who reads them. */
function ownersOf(tree: Tree): Map<string, string> {
  const readers = new Map<string, Set<string>>();
  const tested = new Set<string>();
  const isTest = new Set(tree.sources.filter((file) => file.isTest).map(({ path }) => path));
  for (const [path, imports] of importsOf(tree)) {
    for (const { target, spawned } of imports) {
      if (target === undefined) continue;
      if (spawned || isTest.has(path)) tested.add(target);
      else if (readers.has(target)) readers.get(target)?.add(path);
      else readers.set(target, new Set([path]));
    }
  }
  const owners = new Map<string, string>();
  for (const file of publishedSources(tree)) {
    const [owner, ...others] = readers.get(file.path) ?? [];
    if (owner === undefined || others.length > 0) continue;
    if (tested.has(file.path) || isTest.has(file.path.replace(/(\.m?ts)$/, '.test$1'))) continue;
    if (GATHERING.test(owner) || GATHERING.test(file.path) || fileLines(file) >= SATELLITE_LINES_MAX) continue;
    owners.set(file.path, owner);
  }
  return owners;
}
