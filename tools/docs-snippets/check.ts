import { dirname, join } from 'node:path';
import ts from 'typescript';
import type { Snippet } from './extract.js';

/**
 * Checks snippets as a reader would use them. Blocks that name a file are type-checked against the sources of the packages,
 * those of one page as one project. Fragments, which name none, need only parse.
 *
 * @param root - the top of the repository
 * @returns one line for each error, `page:line message`
 */
export function checkSnippets(root: string, snippets: readonly Snippet[]): string[] {
  const errors = snippets.filter(({ file }) => file === undefined).flatMap((snippet) => parse(snippet));
  const files = new Map<string, Snippet>();
  for (const snippet of snippets) {
    if (snippet.file === undefined) continue;
    const path = pathOf(root, snippet.page, snippet.file);
    const earlier = files.get(path);
    if (earlier === undefined) files.set(path, snippet);
    else
      errors.push(
        `${snippet.page}:${snippet.line} ${snippet.file} is on line ${earlier.line} already; name this one differently`,
      );
  }
  if (files.size > 0) errors.push(...typeCheck(root, files));
  return errors;
}

// A folder for each page, so that two pages may both have a server.ts. Nothing is written there.
function pathOf(root: string, page: string, file: string): string {
  return join(root, '.snippets', page.replaceAll('/', '-'), file);
}

function parse(snippet: Snippet): string[] {
  const ast = ts.createSourceFile('fragment.ts', snippet.code, ts.ScriptTarget.ES2023);
  const { diagnostics = [] } = ts.transpileModule(snippet.code, {
    reportDiagnostics: true,
    compilerOptions: { target: ts.ScriptTarget.ES2023 },
  });
  return diagnostics.map((diagnostic) => describe(snippet, ast, diagnostic));
}

function typeCheck(root: string, files: ReadonlyMap<string, Snippet>): string[] {
  const program = ts.createProgram([...files.keys()], compilerOptions(root), virtualHost(root, files));
  return [...files].flatMap(([path, snippet]) => {
    const ast = program.getSourceFile(path)!;
    const diagnostics = [...program.getSyntacticDiagnostics(ast), ...program.getSemanticDiagnostics(ast)];
    return diagnostics.map((diagnostic) => describe(snippet, ast, diagnostic));
  });
}

/** The options of the repository's own tests, without those that a short example may well ignore. */
function compilerOptions(root: string): ts.CompilerOptions {
  const path = join(root, 'tsconfig.test.json');
  const config = ts.getParsedCommandLineOfConfigFile(
    path,
    { noUnusedLocals: false, noUnusedParameters: false },
    {
      ...ts.sys,
      // Only the options are wanted, so no folder is searched for files.
      readDirectory: () => [],
      onUnRecoverableConfigFileDiagnostic(diagnostic) {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
      },
    },
  );
  return { ...config?.options, types: ['node'] };
}

/** A host on which the snippets lie beside the real files. */
function virtualHost(root: string, files: ReadonlyMap<string, Snippet>): ts.CompilerHost {
  const host = ts.createCompilerHost(compilerOptions(root), true);
  const folders = new Set<string>();
  for (const path of files.keys()) {
    for (let folder = dirname(path); folder.length >= root.length; folder = dirname(folder)) folders.add(folder);
  }
  return {
    ...host,
    fileExists: (path) => files.has(path) || host.fileExists(path),
    directoryExists: (path) => folders.has(path) || (host.directoryExists?.(path) ?? true),
    readFile: (path) => files.get(path)?.code ?? host.readFile(path),
    getSourceFile(path, options, ...rest) {
      const snippet = files.get(path);
      if (snippet === undefined) return host.getSourceFile(path, options, ...rest);
      const ast = ts.createSourceFile(path, snippet.code, options, true);
      // Top-level await needs a module, also where an example imports nothing.
      ast.impliedNodeFormat = ts.ModuleKind.ESNext;
      return ast;
    },
  };
}

function describe(snippet: Snippet, ast: ts.SourceFile, diagnostic: ts.Diagnostic): string {
  const offset = diagnostic.start === undefined ? 0 : ast.getLineAndCharacterOfPosition(diagnostic.start).line;
  return `${snippet.page}:${snippet.line + offset} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n  ')}`;
}
