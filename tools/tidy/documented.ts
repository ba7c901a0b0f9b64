import ts from 'typescript';
import { type Finding, lineOf, publishedSources, type Rule, type SourceFile } from './source.js';

/** Every export of what is published has TSDoc where it is declared. A re-export is documented at its origin. */
export const documented: Rule = (tree) => publishedSources(tree).flatMap((file) => undocumented(file));

function undocumented(file: SourceFile): Finding[] {
  const declarations = new Map<string, Declaration[]>();
  const exported = new Set<string>();
  for (const statement of file.ast.statements) {
    if (ts.isExportDeclaration(statement)) {
      if (statement.moduleSpecifier || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) continue;
      for (const element of statement.exportClause.elements) exported.add((element.propertyName ?? element.name).text);
      continue;
    }
    const isExported = ts.canHaveModifiers(statement) && hasExport(ts.getModifiers(statement));
    for (const declaration of declared(statement)) {
      declarations.set(declaration.name, [...(declarations.get(declaration.name) ?? []), declaration]);
      if (isExported) exported.add(declaration.name);
    }
  }
  return [...exported].flatMap((name) => {
    const found = declarations.get(name) ?? [];
    // Imported and exported in two steps: documented at its origin. Overloads and merged types need it once.
    if (found.length === 0 || found.some(({ node }) => hasDoc(file, node))) return [];
    const message = `export ${name} has no TSDoc: say what it is, its units, range and default, what it throws and who closes it`;
    return [{ path: file.path, line: lineOf(file, found[0]!.node), message }];
  });
}

interface Declaration {
  readonly name: string;
  /** The statement, which is where the comment stands. */
  readonly node: ts.Node;
}

function declared(statement: ts.Statement): Declaration[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [{ name: name.text, node: statement }] : [],
    );
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  return isNamed && statement.name ? [{ name: statement.name.text, node: statement }] : [];
}

function hasExport(modifiers: readonly ts.Modifier[] | undefined): boolean {
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function hasDoc(file: SourceFile, node: ts.Node): boolean {
  const comments = ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? [];
  return comments.some(({ pos, end }) => /^\/\*\*[\s*]*[^\s*/]/.test(file.text.slice(pos, end)));
}
