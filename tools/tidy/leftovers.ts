import { posix } from 'node:path';
import type { Finding, Rule, SourceFile, TextFile } from './source.js';

interface Pattern {
  readonly pattern: RegExp;
  readonly message: string;
  readonly where: (file: TextFile & Partial<SourceFile>) => boolean;
}

const isSource = ({ path }: TextFile): boolean => /\.(m?ts|m?js)$/.test(path);
const isPage = ({ path }: TextFile): boolean => path.endsWith('.md');
const isTest = ({ isTest }: Partial<SourceFile>): boolean => isTest === true;
const everywhere = (): boolean => true;

/** What is refused line by line, in code and in pages. */
const PATTERNS: readonly Pattern[] = [
  { where: everywhere, pattern: /\b(TODO|FIXME|XXX)\b/, message: 'finish it, or write it down as a limit in the docs' },
  {
    where: isSource,
    pattern: /@ts-(ignore|nocheck)\b/,
    message: 'fix the type; @ts-expect-error with a reason is for tests of types',
  },
  {
    where: isTest,
    pattern: /\b(it|describe|context)\.(only|skip)\(|\bx(it|describe)\(/,
    message: 'every test runs, always',
  },
  {
    where: isTest,
    pattern: /\bthis\.(retries|skip)\(/,
    message: 'a flaky test is a bug: use the fake clock and a seeded random',
  },
  { where: everywhere, pattern: /\u2014/, message: 'em dash: use a comma, a colon or two sentences' },
  {
    where: (file) => isSource(file) && !isTest(file),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about everything that is not ASCII
    pattern: /[^\x00-\x7f]/,
    message: 'not ASCII: write an escape such as \\u00b5',
  },
  {
    where: everywhere,
    pattern: /(^|[\s'"`(=])\/(work|root|home\/\w+|Users\/\w+)\//,
    message: 'a path of one machine: give it from the top of the repository',
  },
  {
    where: isPage,
    pattern: /(^|[\s'"`(=])\/tmp\//,
    message: 'a path of one machine: give it from the top of the repository',
  },
  {
    where: everywhere,
    pattern: /(^|\s)#\d{1,5}\b|\bissue #?\d/i,
    message: 'a bare number says nothing in a clone: give the reason here, or owner/name#number of another project',
  },
];

/** Leftovers of the making, tests that do not run, and references that lead nowhere in a fresh clone. */
export const leftovers: Rule = (tree) => {
  const findings: Finding[] = [];
  const sources = new Map(tree.sources.map((file) => [file.path, file]));
  for (const text of tree.texts) {
    // This file and its test hold what they look for.
    if (/^tools\/tidy\/leftovers\b/.test(text.path)) continue;
    const file = sources.get(text.path) ?? text;
    const patterns = PATTERNS.filter(({ where }) => where(file));
    for (const [index, content] of text.text.split('\n').entries()) {
      const add = (message: string): number => findings.push({ path: text.path, line: index + 1, message });
      for (const { pattern, message } of patterns) {
        const match = pattern.exec(content);
        if (match) add(`${JSON.stringify(match[0].trim())}: ${message}`);
      }
      for (const outside of references(text.path, content)) add(`${outside}: leads out of the repository`);
    }
  }
  return findings;
};

/** Parent references that climb above the top of the repository. */
function references(path: string, content: string): string[] {
  return (content.match(/(?:\.\.\/)+[\w@.-]*/g) ?? []).filter((reference) =>
    posix.normalize(posix.join(posix.dirname(path), reference)).startsWith('../'),
  );
}
