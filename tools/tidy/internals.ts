import ts from 'typescript';
import { importedPackage } from './imports.js';
import { type Finding, lineOf, packageFolder, publishedSources, type Rule, type Tree } from './source.js';

/** How many names the packages below client and server lend to others, all together. */
export const INTERNAL_NAMES_MAX = 125;

const GATHERING = /^packages\/[^/]+\/src\/internal\.ts$/;
const BELOW = /^packages\/(rpc-core|wire|registry)\//;

/**
 * A package lends its sisters as little as it can: each name in its `internal.ts` is used by another package or its tests, and those of
 * the packages below client and server stay under a bound.
 */
export const internals: Rule = (tree) => {
  const used = namesUsed(tree);
  const findings: Finding[] = [];
  let count = 0;
  for (const file of publishedSources(tree).filter(({ path }) => GATHERING.test(path))) {
    for (const statement of file.ast.statements) {
      const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
      if (clause === undefined || !ts.isNamedExports(clause)) continue;
      for (const element of clause.elements) {
        if (BELOW.test(file.path)) count++;
        const name = element.name.text;
        const message = `${name} is used by no other package: take it out`;
        if (!used.get(packageFolder(file.path) ?? '')?.has(name))
          findings.push({ path: file.path, line: lineOf(file, element), message });
      }
    }
  }
  if (count > INTERNAL_NAMES_MAX) {
    const message = `${count} names in internal.ts of rpc-core, wire and registry, the bound is ${INTERNAL_NAMES_MAX}: let one package do what two share`;
    findings.push({ path: 'packages', line: 1, message });
  }
  return findings;
};

/** By the folder of a package: what files of others import from its `internal.ts`. */
function namesUsed(tree: Tree): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>();
  for (const file of tree.sources.filter(({ text }) => text.includes("/internal'"))) {
    for (const statement of file.ast.statements) {
      if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
      const { moduleSpecifier } = statement;
      if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier) || !moduleSpecifier.text.endsWith('/internal'))
        continue;
      const folder = importedPackage(tree, file.path, moduleSpecifier.text) ?? '';
      if (folder === packageFolder(file.path)) continue;
      const names = used.get(folder) ?? new Set();
      used.set(folder, names);
      for (const name of namesOf(statement)) names.add(name);
    }
  }
  return used;
}

function namesOf(statement: ts.ImportDeclaration | ts.ExportDeclaration): string[] {
  const clause = ts.isImportDeclaration(statement) ? statement.importClause?.namedBindings : statement.exportClause;
  if (clause === undefined || !(ts.isNamedImports(clause) || ts.isNamedExports(clause))) return [];
  return clause.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}
