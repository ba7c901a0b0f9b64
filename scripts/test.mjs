// npm test: installs and builds what is missing, finds etcd and Neovim, checks types, style and docs, and runs every test.
// Arguments after -- go to mocha: files, or --grep. The last line counts everything; the exit code is 0 when nothing failed.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findEtcd } from './etcd.mjs';
import { audit } from './lib/audit.mjs';
import { lanes } from './lib/lanes.mjs';
import { ROOT } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { SetupError, setup } from './lib/setup.mjs';
import { findNeovim, findPynvim } from './neovim.mjs';

const MODULES = join(ROOT, 'node_modules');
/** Low: what is said of a process with `nice 10`. At 15 it got a hundredth of a processor beside busy neighbours. */
const COMPUTING = 10;
/** How many times longer than it says a test of that process may take: two busy neighbours leave it a twentieth of a processor. */
const PATIENCE = 20;
const env = { ...process.env };
let passed = 0;
let failed = 0;
/** Tests that mocha has run. */
let found = 0;

try {
  await setup();
  await ensure('etcd', 'ETCD_BIN', findEtcd);
  await ensure('Neovim', 'NVIM_BIN', findNeovim);
  await ensure('pynvim', 'PYTHON_BIN', findPynvim);
  await check('types of the tests', [join(MODULES, 'typescript/bin/tsc'), '-p', 'tsconfig.test.json', '--noEmit']);
  await check('lint and format', [join(MODULES, '@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']);
  await check('API docs', [join(MODULES, 'typedoc/bin/typedoc')]);
  await lookForAdvisories();
  await runTests(process.argv.slice(2));
  if (found === 0) record('mocha: no test was found', false);
} catch (error) {
  failed++;
  console.error(error instanceof SetupError ? `FAIL setup: ${error.message}` : error);
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** The tests that need such a program use a real one. Without it they fail, each saying so; they are never left out. */
async function ensure(name, variable, find) {
  try {
    env[variable] = await find({ env, log: console.log });
    record(name, true);
  } catch (error) {
    record(name, false);
    console.log(indent(error.message));
  }
}

/** One entry for a whole tool; its output is shown only when it fails. */
async function check(name, args) {
  const { code, output } = await run(process.execPath, args, { capture: true, env });
  record(name, code === 0);
  if (code !== 0) console.log(indent(output.trimEnd()));
}

/** What the registry knows of what users install. It may be out of reach, or not answer such questions: that is said, and is no failure. */
async function lookForAdvisories() {
  const { status, text } = await audit();
  if (status === 'unknown')
    return console.log(`--   advisories: not looked at, for the registry does not tell: ${text}`);
  record('advisories', status === 'clean');
  if (status === 'found') console.log(indent(text));
}

function record(name, ok) {
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}`);
}

function indent(text) {
  return text.replace(/^/gm, '   ');
}

/** What was asked for in one run of mocha, or everything, in lanes: two cores do in ten minutes what takes one of them fifteen. */
async function runTests(args) {
  if (args.some((arg) => /\.m?[jt]s$/.test(arg))) return runMocha(args);
  const { virtual, real, loaded } = lanes(findTests());
  // What computes on virtual time gets what the processors have left, so that nobody who looks at a clock waits for it.
  await Promise.all([
    runMocha([...args, ...virtual], { priority: COMPUTING, patience: PATIENCE }),
    runMocha([...args, ...real]),
  ]);
  await runMocha([...args, ...loaded]);
}

async function runMocha(args, { priority, patience = 1 } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'rpc-test-'));
  const output = join(folder, 'counts.json');
  const options = `output=${output},patience=${patience}`;
  const reporter = ['--reporter', join(ROOT, 'scripts/lib/reporter.mjs'), '--reporter-option', options];
  const { code } = await run(process.execPath, [join(MODULES, 'mocha/bin/mocha.js'), ...reporter, ...args], {
    env,
    priority,
  });
  // The reporter writes the counts when the last test is done: no file means that the run ended before.
  const counts = existsSync(output) ? JSON.parse(readFileSync(output, 'utf8')) : undefined;
  rmSync(folder, { recursive: true });
  passed += counts?.passed ?? 0;
  failed += counts?.failed ?? 0;
  if (counts === undefined || (code !== 0 && counts.failed === 0)) {
    record(`mocha: it ended with code ${code} before all was done, see above`, false);
  } else {
    found += counts.passed + counts.failed;
  }
}

/** All tests: beside the sources, in the test folder of a package, in tools/ and in test/. */
function findTests() {
  const packages = readdirSync(join(ROOT, 'packages')).flatMap((name) => [
    `packages/${name}/src`,
    `packages/${name}/test`,
  ]);
  return [...packages, 'tools', 'test']
    .filter((folder) => existsSync(join(ROOT, folder)))
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((path) => join(folder, path)))
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
}
