import { posix } from 'node:path';
import { importedPackage, importsOf } from './imports.js';
import { type Finding, packageFolder, type Rule, type SourceFile, type Tree } from './source.js';

/** Which packages a package may import. The picture is in docs/ARCHITECTURE.md. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'rpc-core': [],
  client: ['rpc-core'],
  server: ['rpc-core'],
  'registry-etcd': ['rpc-core'],
  rpc: ['rpc-core', 'client', 'server', 'registry-etcd'],
  telemetry: ['rpc-core'],
  testkit: ['rpc-core', 'client', 'server'],
  cli: ['rpc', 'rpc-core'],
};

/** Which folders of rpc-core a folder of it may import; `root` is the files at its top. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  root: [],
  codec: ['root'],
  discovery: ['rules', 'root'],
  rules: ['root'],
  transport: ['root'],
  protocol: ['codec', 'root'],
  connection: ['protocol', 'codec', 'transport', 'root'],
};

const CORE = 'packages/rpc-core/src/';
// They gather what is public, and nothing inside imports them.
const GATHERING = new Set([`${CORE}index.ts`, `${CORE}internal.ts`, `${CORE}msgpackr.ts`]);
// What a user could have written as well: it shows that the public names suffice.
const PUBLIC_ONLY = /^(packages\/telemetry|examples)\//;
const SOCKETS = /^node:(net|tls|dgram|http|https|http2)$/;

/** Imports point one way: between packages, between the folders of rpc-core, and only at what package.json declares. */
export const direction: Rule = (tree) => {
  const findings: Finding[] = [];
  for (const file of tree.sources) {
    const folder = packageFolder(file.path);
    for (const { specifier, line } of importsOf(tree).get(file.path) ?? []) {
      const message = internal(file, specifier) ?? (folder && refusal(tree, file, folder, specifier));
      if (message !== undefined) findings.push({ path: file.path, line, message });
    }
  }
  return findings;
};

function internal(file: SourceFile, specifier: string): string | undefined {
  if (file.isTest || !PUBLIC_ONLY.test(file.path) || !/^@org\/.*\/internal$/.test(specifier)) return undefined;
  return `imports ${specifier}; here the public names have to do`;
}

function refusal(tree: Tree, file: SourceFile, folder: string, specifier: string): string | undefined {
  const target = importedPackage(tree, file.path, specifier);
  if (target !== undefined && target !== folder) return betweenPackages(file, folder, target, specifier);
  if (file.isTest) return undefined;
  if (target === folder) {
    if (!specifier.startsWith('.'))
      return `imports its own package as '${specifier}'; import the file itself, './x.js'`;
    if (/(^|\/)(index|internal)\.js$/.test(specifier))
      return `imports '${specifier}', which only gathers exports; import the file itself`;
    return betweenFolders(file.path, specifier);
  }
  if (folderOf(file.path) === 'protocol' && SOCKETS.test(specifier)) {
    return `protocol/ imports ${specifier}; frames are pure functions of bytes, sockets belong to transport/`;
  }
  return undeclared(tree, folder, specifier);
}

function betweenPackages(file: SourceFile, folder: string, target: string, specifier: string): string | undefined {
  const [from, to] = [posix.basename(folder), posix.basename(target)];
  if (specifier.startsWith('.')) return `reaches into ${target} by path; import the package by its name`;
  if ([from, to].sort().join() === 'client,server') {
    return `${from} imports ${to}; what both need goes to rpc-core, a test of both to packages/rpc/test`;
  }
  if (file.isTest) return undefined;
  const allowed = PACKAGES[from];
  if (allowed === undefined) return `package ${from} is new: say in tools/tidy/direction.ts what it may import`;
  if (!allowed.includes(to)) return `${from} may not import ${to} (it may import: ${allowed.join(', ') || 'nothing'})`;
  return undefined;
}

function betweenFolders(path: string, specifier: string): string | undefined {
  const from = folderOf(path);
  const to = folderOf(posix.join(posix.dirname(path), specifier));
  if (from === undefined || to === undefined || from === to || GATHERING.has(path)) return undefined;
  const allowed = FOLDERS[from];
  if (allowed === undefined)
    return `folder ${from} of rpc-core is new: say in tools/tidy/direction.ts what it may import`;
  if (allowed.includes(to)) return undefined;
  return `rpc-core/${from} may not import ${to} (it may import: ${allowed.join(', ') || 'nothing'})`;
}

function folderOf(path: string): string | undefined {
  if (!path.startsWith(CORE)) return undefined;
  const rest = path.slice(CORE.length);
  return rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : 'root';
}

function undeclared(tree: Tree, folder: string, specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier.startsWith('#')) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const { dependencies = {}, peerDependencies = {} } = tree.manifests.get(folder) ?? {};
  if (name in dependencies || name in peerDependencies) return undefined;
  return `imports ${name}, which ${folder}/package.json does not declare`;
}
