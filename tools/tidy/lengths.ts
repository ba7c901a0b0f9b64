import ts from 'typescript';
import { type Finding, lineOf, type Rule, type SourceFile, type Tree, walk } from './source.js';

/** What broke a rule when it came, or has a reason to. It may only shrink. */
export interface Ratchet {
  /** Lines of files over the bound, by path. */
  readonly files: Readonly<Record<string, number>>;
  /** Lines of functions over the bound, by `path:name`. */
  readonly functions: Readonly<Record<string, number>>;
}

/** The longest file, in lines. */
export const FILE_LINES_MAX = 450;
/** The longest function, in lines. */
export const FUNCTION_LINES_MAX = 70;

/** Where the exceptions stand. */
export const RATCHET_FILE = 'tools/tidy/ratchet.json';

/** The exceptions of a tree. */
export function ratchetOf(tree: Tree): Ratchet {
  const text = tree.texts.find(({ path }) => path === RATCHET_FILE)?.text;
  return JSON.parse(text ?? '{"files":{},"functions":{}}') as Ratchet;
}

/** Files and functions stay short; the exceptions of `ratchet.json` may only shrink. Tests are exempt. */
export const lengths: Rule = (tree) => {
  const ratchet = ratchetOf(tree);
  const files = tree.sources.filter((file) => !file.isTest).map((file) => fileLength(file));
  const functions = tree.sources.filter((file) => !file.isTest).flatMap((file) => functionLengths(file));
  return [
    ...over(files, ratchet.files, FILE_LINES_MAX, 'file'),
    ...over(functions, ratchet.functions, FUNCTION_LINES_MAX, 'function'),
  ];
};

interface Length {
  readonly key: string;
  readonly path: string;
  readonly line: number;
  readonly lines: number;
}

function over(found: readonly Length[], known: Readonly<Record<string, number>>, max: number, what: string): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  for (const { key, path, line, lines } of found) {
    const bound = known[key];
    const add = (message: string): number =>
      findings.push({ path, line, message: `${what} ${key}: ${lines} lines, ${message}` });
    if (bound === undefined) {
      if (lines > max) add(`the bound is ${max}; split it where the idea splits`);
      continue;
    }
    seen.add(key);
    if (lines > bound) add(`it had ${bound} and may only shrink`);
    else if (lines <= max) add(`it fits now: take it out of ${RATCHET_FILE}`);
    else if (lines < bound) add(`write that down in ${RATCHET_FILE}, it says ${bound}`);
  }
  for (const key of Object.keys(known)) {
    if (!seen.has(key)) findings.push({ path: RATCHET_FILE, line: 1, message: `${what} ${key} is gone: take it out` });
  }
  return findings;
}

/** The lines of a file. */
export function fileLines({ text }: SourceFile): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

function fileLength(file: SourceFile): Length {
  return { key: file.path, path: file.path, line: 1, lines: fileLines(file) };
}

function functionLengths(file: SourceFile): Length[] {
  const found: Length[] = [];
  const names = new Map<string, number>();
  walk(file.ast, (node) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const line = lineOf(file, node);
    const end = file.ast.getLineAndCharacterOfPosition(node.getEnd()).line + 1;
    const name = functionName(node, file);
    const count = (names.get(name) ?? 0) + 1;
    names.set(name, count);
    const key = `${file.path}:${name}${count > 1 ? `#${count}` : ''}`;
    found.push({ key, path: file.path, line, lines: end - line + 1 });
  });
  return found;
}

function functionName(node: ts.SignatureDeclaration, file: SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  if (node.name) return node.name.getText(file.ast);
  const { parent } = node;
  if (
    (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertyDeclaration(parent)) &&
    parent.name
  ) {
    return parent.name.getText(file.ast);
  }
  return 'anonymous';
}
