import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type Compiled, compile, readOptions } from './compile.js';

/** A user's project in a temporary folder that has this package installed in pnpm's layout. */
export interface ConsumerProject {
  /** Checks and emits source files as the user's compiler would. */
  compile(sources: Readonly<Record<string, string>>, options?: ts.CompilerOptions): Compiled;
  /** Removes the folder. */
  remove(): void;
}

/**
 * Makes a project that sees only `@org/rpc`. The packages that `@org/rpc` imports (`@org/rpc-core`, with declarations made from the present
 * sources) are in folders that the project's own imports cannot reach. This reveals types that users cannot name.
 *
 * @param umbrella - the declarations of `@org/rpc`
 */
export function createConsumerProject(umbrella = "export * from '@org/rpc-core';"): ConsumerProject {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'rpc-consumer-')));
  const modules = join(root, 'node_modules');
  const rpcModules = join(modules, '.pnpm', 'rpc', 'node_modules');
  const coreModules = join(modules, '.pnpm', 'rpc-core', 'node_modules');
  write(join(root, 'package.json'), JSON.stringify({ type: 'module' }));

  writePackage(join(coreModules, '@org', 'rpc-core'));
  for (const [file, text] of coreDeclarations()) write(join(coreModules, '@org', 'rpc-core', file), text);
  for (const name of ['@types/node', 'undici-types', '@standard-schema/spec', '@msgpack/msgpack']) {
    link(installed(name), join(coreModules, name));
  }
  writePackage(join(rpcModules, '@org', 'rpc'));
  write(join(rpcModules, '@org', 'rpc', 'index.d.ts'), umbrella);
  link(join(coreModules, '@org', 'rpc-core'), join(rpcModules, '@org', 'rpc-core'));
  link(join(rpcModules, '@org', 'rpc'), join(modules, '@org', 'rpc'));
  link(installed('zod'), join(modules, 'zod'));

  return {
    compile(sources, options) {
      const files = Object.keys(sources).map((name) => join(root, name));
      for (const [index, text] of Object.values(sources).entries()) write(files[index]!, text);
      return compile(files, { ...CONSUMER_OPTIONS, ...options, rootDir: root, outDir: join(root, 'dist') });
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The strictest options of users: every option that has broken declarations of libraries before. */
const CONSUMER_OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts'],
  types: [],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
  composite: true,
  declaration: true,
};

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** The declarations of this package, made from its sources. */
function coreDeclarations(): ReadonlyMap<string, string> {
  const source = join(PACKAGE, 'src');
  const { outDir: _outDir, tsBuildInfoFile: _buildInfo, ...options } = readOptions(join(PACKAGE, 'tsconfig.json'));
  const files = ts.sys.readDirectory(source, ['.ts'], ['**/*.test.ts', '**/*.d.ts']);
  const program = ts.createProgram(files, { ...options, composite: false, incremental: false, declarationMap: false });
  const declarations = new Map<string, string>();
  program.emit(undefined, (file, text) => declarations.set(relative(source, file), text), undefined, true);
  return declarations;
}

function writePackage(folder: string): void {
  const name = `@org/${basename(folder)}`;
  write(
    join(folder, 'package.json'),
    JSON.stringify({ name, type: 'module', exports: { '.': { types: './index.d.ts' } } }),
  );
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path, 'junction');
}

/** The folder of a dependency of this repository. */
function installed(name: string): string {
  return fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url));
}
