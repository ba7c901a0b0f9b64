import { posix } from 'node:path';
import { importedPackage, importsOf } from './imports.js';
import { type Finding, packageFolder, type Rule, type SourceFile, type Tree } from './source.js';

/** Which packages a package may import. The picture is in docs/ARCHITECTURE.md. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'rpc-core': [],
  wire: ['rpc-core'],
  registry: ['rpc-core'],
  client: ['rpc-core', 'wire', 'registry'],
  server: ['rpc-core', 'wire', 'registry'],
  'registry-etcd': ['rpc-core', 'registry'],
  rpc: ['rpc-core', 'wire', 'registry', 'client', 'server', 'registry-etcd'],
  telemetry: ['rpc'],
  testkit: ['rpc-core', 'wire', 'registry', 'client', 'server'],
  console: ['rpc', 'rpc-core', 'registry'],
  cli: ['console', 'rpc', 'rpc-core', 'wire', 'registry'],
};

/**
 * Which folders of its package a folder may import. `root` is the files at the top of `src`; where it is not listed, each of these
 * files is a place of its own.
 */
const FOLDERS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'rpc-core': {
    root: [],
    layers: ['root'],
    policies: ['root'],
    rules: ['policies', 'root'],
    face: ['policies', 'root'],
  },
  wire: {
    root: ['codec'],
    codec: [],
    frames: ['codec'],
    transport: [],
    'front-door': ['transport', 'frames', 'codec'],
    'connection/channel': ['frames', 'codec', 'transport'],
    'connection/calls': ['frames'],
    'connection/compression': ['connection/channel', 'frames', 'codec'],
    'connection/streams': ['connection/compression', 'connection/channel', 'frames', 'codec'],
    'connection/client': [
      'connection/streams',
      'connection/compression',
      'connection/calls',
      'connection/channel',
      'frames',
      'codec',
      'transport',
    ],
    'connection/server': [
      'connection/streams',
      'connection/compression',
      'connection/calls',
      'connection/channel',
      'frames',
      'codec',
      'transport',
    ],
    'connection/message-pack-rpc': [
      'connection/client',
      'connection/server',
      'connection/calls',
      'connection/channel',
      'frames',
      'codec',
      'transport',
    ],
  },
  client: {
    events: [],
    policy: [],
    picker: ['policy'],
    rules: ['policy', 'events'],
    'client-method': ['rules', 'policy'],
    attempts: ['policy', 'events'],
    nodes: ['picker', 'rules', 'policy', 'client-method', 'events'],
    stream: ['attempts', 'policy'],
    stack: ['nodes', 'attempts', 'stream', 'rules', 'policy', 'client-method'],
    face: ['stack', 'stream', 'attempts', 'nodes', 'picker', 'policy', 'client-method', 'events'],
  },
  server: {
    stack: [],
    policy: ['stack'],
    life: [],
    handler: ['stack'],
    dispatcher: ['handler', 'served-contracts'],
    'served-contracts': [],
    presentable: [],
    'print-error': [],
    builtin: [],
    rules: [],
    state: ['builtin', 'policy', 'rules'],
    admin: ['state'],
    operator: ['state'],
    workers: ['life', 'state'],
    face: [
      'operator',
      'workers',
      'admin',
      'state',
      'builtin',
      'stack',
      'policy',
      'rules',
      'life',
      'dispatcher',
      'handler',
      'served-contracts',
      'presentable',
      'print-error',
    ],
  },
  registry: {
    root: [],
    direct: ['root'],
    memory: ['root'],
    dns: ['root'],
    local: ['root'],
    combined: ['local', 'root'],
    'by-name': ['direct', 'dns', 'local', 'root'],
  },
  'registry-etcd': {
    backoff: [],
    options: [],
    timing: ['backoff'],
    client: ['options'],
    report: ['client'],
    keys: ['client'],
    reflector: ['client', 'backoff', 'timing'],
    instances: ['reflector', 'client', 'keys', 'report', 'timing'],
    registration: ['instances', 'reflector', 'client', 'keys', 'report', 'backoff', 'timing'],
    rules: ['registration', 'reflector', 'client', 'keys', 'report', 'backoff', 'timing'],
    'etcd-registry': ['rules', 'registration', 'instances', 'client', 'keys', 'report', 'timing', 'options'],
    'etcd-string': ['etcd-registry', 'options'],
  },
  testkit: {
    'fake-clock': [],
    'seeded-random': [],
    service: [],
    registry: [],
    contract: ['registry', 'seeded-random'],
    simulator: ['registry', 'fake-clock', 'seeded-random'],
  },
  console: {
    traffic: [],
    instances: [],
    rules: [],
    fleet: ['traffic', 'instances'],
    preview: ['traffic'],
    http: ['fleet', 'preview', 'rules', 'traffic'],
  },
  cli: {
    'cli-error': [],
    version: [],
    terminal: [],
    'until-interrupted': ['terminal'],
    format: ['cli-error'],
    options: ['format', 'cli-error'],
    command: ['options', 'format', 'terminal'],
    registry: ['cli-error'],
    connect: ['registry', 'options', 'terminal', 'cli-error'],
    'bench/load': ['cli-error'],
    'bench/report': ['bench/load', 'options', 'format', 'cli-error'],
    bench: [
      'bench/report',
      'bench/load',
      'command',
      'connect',
      'options',
      'format',
      'terminal',
      'version',
      'cli-error',
    ],
    call: ['command', 'connect', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    ls: ['until-interrupted', 'command', 'connect', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    rules: ['until-interrupted', 'command', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    console: ['until-interrupted', 'command', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    describe: ['command', 'connect', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    serve: ['command', 'options', 'terminal', 'cli-error'],
    operate: ['command', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    top: ['command', 'registry', 'options', 'format', 'terminal', 'cli-error'],
    cli: [
      'bench',
      'call',
      'console',
      'top',
      'describe',
      'ls',
      'operate',
      'serve',
      'rules',
      'command',
      'options',
      'format',
      'terminal',
      'version',
      'cli-error',
    ],
    main: ['cli', 'terminal', 'cli-error'],
  },
};

// They gather what a package exports, and nothing inside imports them.
const GATHERING = /^packages\/[^/]+\/src\/(index|internal|msgpackr)\.ts$/;
// What a user could have written as well: it shows that the public names suffice.
const PUBLIC_ONLY = /^(packages\/telemetry|examples)\//;
// It runs in a browser, and takes from the package nothing but types.
const PAGE = /^packages\/console\/page\//;
const FRAMES = /^packages\/wire\/src\/frames\//;
const SOCKETS = /^node:(net|tls|dgram|http|https|http2)$/;

/** Imports point one way: between packages, between the folders of a package, and only at what package.json declares. */
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
  if (FRAMES.test(file.path) && SOCKETS.test(specifier)) {
    return `frames/ imports ${specifier}; frames are pure functions of bytes, sockets belong to transport/`;
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
  const owner = path.split('/')[1] ?? '';
  const folders = FOLDERS[owner];
  if (folders === undefined || GATHERING.test(path) || PAGE.test(path)) return undefined;
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith(`packages/${owner}/src/`)) return undefined;
  const from = placeOf(path, folders);
  const to = placeOf(target, folders);
  if (from === to) return undefined;
  const allowed = folders[from];
  if (allowed === undefined)
    return `folder ${from} of ${owner} is new: say in tools/tidy/direction.ts what it may import`;
  if (allowed.includes(to)) return undefined;
  return `${owner}/${from} may not import ${to} (it may import: ${allowed.join(', ') || 'nothing'})`;
}

/** The folder of a source in its package, or the file itself when it is at the top. */
function placeOf(path: string, folders: Readonly<Record<string, unknown>>): string {
  const inside = path.split('/').slice(3);
  const folder = inside.slice(0, -1).join('/');
  if (folder !== '') return folder;
  return 'root' in folders ? 'root' : posix.basename(inside[0] ?? '').replace(/\.[jt]s$/, '');
}

function undeclared(tree: Tree, folder: string, specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:') || specifier.startsWith('#')) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const { dependencies = {}, peerDependencies = {} } = tree.manifests.get(folder) ?? {};
  if (name in dependencies || name in peerDependencies) return undefined;
  return `imports ${name}, which ${folder}/package.json does not declare`;
}
