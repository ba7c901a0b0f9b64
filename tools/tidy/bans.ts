import ts from 'typescript';
import { type Finding, lineOf, type Rule, type SourceFile, walk } from './source.js';

interface Ban {
  /** What is banned when it is written: a name, or `object.property`. */
  readonly names: readonly string[];
  readonly instead: string;
  /** Files that may. */
  readonly except?: RegExp;
}

const TIME_FILES = /^packages\/(rpc-core\/src\/(clock|random)|testkit\/src\/.*fake-clock)\.ts$/;

/** Banned in what is published, `packages/<name>/src` without tests. */
const NAMES: readonly Ban[] = [
  {
    names: ['Date.now', 'performance.now', 'process.hrtime'],
    instead: 'take a Clock and use clock.now()',
    except: TIME_FILES,
  },
  {
    names: ['setTimeout', 'setInterval', 'setImmediate'],
    instead: 'take a Clock (clock.schedule, clock.afterPoll), or wait.ts when a call waits',
    except: TIME_FILES,
  },
  { names: ['Math.random'], instead: 'take a Random', except: TIME_FILES },
  {
    names: ['AbortSignal.timeout', 'AbortSignal.any'],
    instead: 'a deadline is data (call.deadline), and signals are linked and unlinked by hand: these two leak',
  },
  {
    names: ['process.on', 'process.once', 'process.addListener', 'process.prependListener'],
    instead: 'a library leaves the process to its user; signals belong to packages/server/src/life/signals.ts',
    except: /^packages\/(server\/src\/(life\/signals\.ts|workers\/)|cli\/)/,
  },
  {
    names: ['console.log', 'console.error', 'console.warn', 'console.info', 'console.debug'],
    instead: 'a library does not print: emit an event or throw',
    except: /^packages\/cli\//,
  },
];

/** Allowed parents of a class: errors, and the pinned codec, which cannot be composed. */
const PARENTS = new Set(['Error', 'Encoder', 'Decoder']);

/** Calls and forms that the house does without, each with what to use instead. */
export const bans: Rule = (tree) =>
  tree.sources.flatMap((file) => {
    if (file.isTest || !/^packages\/[^/]+\/src\//.test(file.path)) return [];
    return [...bannedNames(file), ...bannedForms(file), ...bannedOptions(file)];
  });

function bannedNames(file: SourceFile): Finding[] {
  const active = NAMES.filter(({ except }) => !except?.test(file.path));
  const findings: Finding[] = [];
  walk(file.ast, (node) => {
    const written = writtenName(node);
    if (written === undefined) return;
    const ban = active.find(({ names }) => names.includes(written));
    if (ban) findings.push({ path: file.path, line: lineOf(file, node), message: `${written}: ${ban.instead}` });
  });
  return findings;
}

/** `a.b` for a property of a plain name, `a` for a name that is used or imported; `globalThis` is looked through. */
function writtenName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const object = node.expression.text;
    return object === 'globalThis' ? node.name.text : `${object}.${node.name.text}`;
  }
  if (!ts.isIdentifier(node)) return undefined;
  const { parent } = node;
  // Names of members are not the globals of the same name: `socket.setTimeout(0)`.
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return undefined;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return undefined;
  if (ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent) || ts.isPropertySignature(parent))
    return undefined;
  return node.text;
}

function bannedForms(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const add = (node: ts.Node, message: string): number =>
    findings.push({ path: file.path, line: lineOf(file, node), message });
  walk(file.ast, (node) => {
    if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      (!node.exportClause || ts.isNamespaceExport(node.exportClause))
    ) {
      add(node, 'export *: name each export, so that what is public is written down');
    } else if (ts.isEnumDeclaration(node)) {
      add(node, 'enum: use a union of literals');
    } else if (isDefaultExport(node)) {
      add(node, 'default export: give it a name');
    } else if (
      ts.isHeritageClause(node) &&
      node.token === ts.SyntaxKind.ExtendsKeyword &&
      ts.isClassLike(node.parent)
    ) {
      const parent = node.types[0]?.expression.getText(file.ast) ?? '';
      if (!PARENTS.has(parent)) add(node, `extends ${parent}: compose functions or objects instead`);
    } else if (ts.isNewExpression(node) && node.expression.getText(file.ast) === 'Date' && !node.arguments?.length) {
      if (!TIME_FILES.test(file.path)) add(node, 'new Date(): take a Clock and use clock.wallNow()');
    }
  });
  return findings;
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === 'default';
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false)
  );
}

/** Options without which a library brings back timers of its own. */
function bannedOptions(file: SourceFile): Finding[] {
  if (!/'(p-retry|opossum)'/.test(file.text)) return [];
  const findings: Finding[] = [];
  const options = new Map<string, ts.PropertyName>();
  const values = new Map<string, string>();
  const libraries = new Map<string, ts.Node>();
  walk(file.ast, (node) => {
    if (ts.isImportDeclaration(node) && !node.importClause?.isTypeOnly && ts.isStringLiteral(node.moduleSpecifier)) {
      libraries.set(node.moduleSpecifier.text, node);
    } else if (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) {
      const name = node.name.getText(file.ast);
      options.set(name, node.name);
      values.set(name, ts.isPropertyAssignment(node) ? node.initializer.getText(file.ast) : '');
    }
  });
  const retry = libraries.get('p-retry');
  if (retry && values.get('minTimeout') !== '0') {
    const line = lineOf(file, options.get('minTimeout') ?? retry);
    findings.push({
      path: file.path,
      line,
      message: 'p-retry: pass minTimeout: 0, or it sleeps on a timer of its own; wait in wait.ts',
    });
  }
  const breaker = libraries.get('opossum');
  if (breaker && !options.has('rotateBucketController')) {
    const message = 'opossum: pass rotateBucketController, or each breaker sets an interval of its own';
    findings.push({ path: file.path, line: lineOf(file, breaker), message });
  }
  return findings;
}
