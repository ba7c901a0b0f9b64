import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import ts from 'typescript';

/** One text file of the repository. */
export interface TextFile {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** One TypeScript or JavaScript file. */
export interface SourceFile extends TextFile {
  /** Parsed when it is first asked for: most of the time that the rules take goes into this, and tests need not be. */
  readonly ast: ts.SourceFile;
  /** A test, or a file of type assertions: it may do what sources may not. */
  readonly isTest: boolean;
}

/** Everything the rules look at, read once. */
export interface Tree {
  readonly texts: readonly TextFile[];
  readonly sources: readonly SourceFile[];
  /** By folder, such as `packages/client`. */
  readonly manifests: ReadonlyMap<string, Manifest>;
}

/** The parts of a `package.json` that the rules need. */
export interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Something that a rule refuses. The message says what to do instead. */
export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** A rule reads the tree and says what is wrong with it. */
export type Rule = (tree: Tree) => Finding[];

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'coverage', 'vectors', 'fixtures', 'docs/api']);
const TEXT_EXTENSIONS = new Set([
  '.ts',
  '.mts',
  '.js',
  '.mjs',
  '.json',
  '.md',
  '.svg',
  '.yml',
  '.yaml',
  '.sh',
  '.py',
  '.go',
  '.rs',
  '',
]);
const SOURCE_EXTENSIONS = new Set(['.ts', '.mts', '.mjs', '.js']);
// Made by machines: the lock file by npm, the change logs by lerna.
const GENERATED = /(^|\/)(package-lock\.json|CHANGELOG\.md)$/;

/** Reads all text files below `root`. */
export function readTree(root: string): Tree {
  const texts: TextFile[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        const hidden = entry.name.startsWith('.') && entry.name !== '.ci';
        if (!hidden && !SKIPPED_FOLDERS.has(entry.name) && !SKIPPED_FOLDERS.has(path)) visit(path);
      } else if (entry.isFile() && TEXT_EXTENSIONS.has(extname(entry.name)) && !GENERATED.test(path)) {
        texts.push({ path, text: readFileSync(join(root, path), 'utf8') });
      }
    }
  };
  visit('');
  return toTree(texts);
}

/** Finds what is source among the given files; the samples of the tests come in here. */
export function toTree(texts: readonly TextFile[]): Tree {
  const sources: SourceFile[] = [];
  const manifests = new Map<string, Manifest>();
  for (const file of texts) {
    if (SOURCE_EXTENSIONS.has(extname(file.path))) {
      sources.push(toSource(file));
    } else if (/^packages\/[^/]+\/package\.json$/.test(file.path)) {
      manifests.set(file.path.slice(0, -'/package.json'.length), JSON.parse(file.text) as Manifest);
    }
  }
  return { texts, sources, manifests };
}

function toSource({ path, text }: TextFile): SourceFile {
  let ast: ts.SourceFile | undefined;
  return {
    path,
    text,
    isTest: isTestPath(path),
    get ast() {
      ast ??= ts.createSourceFile(path, text, PARSING, true);
      return ast;
    },
  };
}

/** Without the trees of comments: that there is one, the rules see from the text. */
const PARSING: ts.CreateSourceFileOptions = {
  languageVersion: ts.ScriptTarget.ES2023,
  jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
};

/** The folder of the package that a file belongs to, `undefined` outside of packages. */
export function packageFolder(path: string): string | undefined {
  return /^packages\/[^/]+/.exec(path)?.[0];
}

/** The sources that are published: `packages/<name>/src`, without tests. */
export function publishedSources(tree: Tree): SourceFile[] {
  return tree.sources.filter((file) => !file.isTest && /^packages\/[^/]+\/src\//.test(file.path));
}

/** The line of a node, counted from 1. */
export function lineOf(file: SourceFile, node: ts.Node): number {
  return file.ast.getLineAndCharacterOfPosition(node.getStart(file.ast)).line + 1;
}

/** Calls `visit` for a node and everything below it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function isTestPath(path: string): boolean {
  return /\.(test|types)\.m?ts$/.test(path) || /^packages\/[^/]+\/test\//.test(path) || path.startsWith('test/');
}
