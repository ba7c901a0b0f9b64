// npm run fuzz -- [--target NAME] [--seconds N] [--seed N] [--keep] [--replay FILE]
// Throws generated inputs at the parts that read bytes of peers. Without --target all targets run, one after the other, each for
// --seconds (default 60). Findings are files in .cache/fuzz/<target>, each with the command that repeats it; the exit code is
// then 1. With --keep the inputs that reached new code stay there too, and the next run begins with them.
// Targets that begin with costs: look for the inputs that take the most memory and CPU time for each of their bytes, in a process with
// a heap of 256 MB: a finding is what costs more than docs/codecs.md and SECURITY.md say. The costliest are kept as worst-*.bin.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './lib/root.mjs';

const TARGETS = [
  'decoder',
  'scanner',
  'frame-reader',
  'native-server',
  'native-client',
  'message-pack-rpc-server',
  'message-pack-rpc-client',
];
/** Targets of which the costliest inputs are looked for, in a small heap. */
const COSTS = [
  'msgpack',
  'msgpackr',
  'message-pack-rpc',
  'scanner',
  'hello',
  'native-server',
  'native-client',
  'message-pack-rpc-server',
  'message-pack-rpc-client',
].map((name) => `costs:${name}`);
const ALL = [...TARGETS, ...COSTS];
const COSTS_HEAP_MB = 256;
/** A process that says nothing for so long hangs: what it was busy with is a finding. */
const SILENCE_MS = 60_000;
/** Inputs of 4 MiB take a second each, and are looked at several times. */
const COSTS_SILENCE_MS = 300_000;
/** Likewise when one input is repeated. */
const REPLAY_MS = 20_000;

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
});
const targets = values.target === undefined ? ALL : values.target === 'costs' ? COSTS : [values.target];
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));

if (!targets.every((name) => ALL.includes(name)) || !(Number(values.seconds) > 0) || !(Number(seed) >= 0)) {
  console.error(`usage: npm run fuzz -- [--target NAME] [--seconds N] [--seed N] [--keep] [--replay FILE]
targets: ${ALL.join(', ')}; costs for all of those`);
  process.exitCode = 2;
} else if (values.replay !== undefined) {
  if (values.target === undefined) throw new Error('--replay needs the --target that the file is for');
  const { code } = await start(['--target', values.target, '--replay', resolve(values.replay)], REPLAY_MS);
  process.exitCode = code;
} else {
  let failed = false;
  for (const target of targets) {
    console.log(`${target}: seed ${seed}, ${values.seconds} s`);
    failed = (await fuzz(target)) !== 0 || failed;
  }
  process.exitCode = failed ? 1 : 0;
}

async function fuzz(target) {
  const out = join(ROOT, '.cache/fuzz', target.replace(':', '-'));
  mkdirSync(out, { recursive: true });
  const args = ['--target', target, '--seconds', values.seconds, '--seed', seed, '--out', out];
  if (values.keep) args.push('--keep');
  const { code, died } = await start(args, COSTS.includes(target) ? COSTS_SILENCE_MS : SILENCE_MS);
  if (!died) return code;
  await findKiller(target, out);
  return 1;
}

/** The process died or hung: repeats each input of its last batch in a process of its own. */
async function findKiller(target, out) {
  const file = join(out, 'batch.json');
  if (!existsSync(file)) return console.log(`FINDING ${target}: the process died before its first input`);
  const path = join(out, 'finding-died.bin');
  for (const text of JSON.parse(readFileSync(file, 'utf8'))) {
    writeFileSync(path, Buffer.from(text, 'base64'));
    if (!(await start(['--target', target, '--replay', path], REPLAY_MS)).died) continue;
    console.log(`FINDING ${target}: the process died or hung\n  npm run fuzz -- --target ${target} --replay ${path}`);
    return;
  }
  console.log(`FINDING ${target}: the process died or hung; no single input of ${file} does that`);
}

/** Runs the fuzzer proper. `died` when it was ended by a signal, hung, or ended with a code that it never gives. */
function start(args, silenceMs) {
  const costs = args.some((arg) => COSTS.includes(arg));
  const main = join(ROOT, costs ? 'test/fuzz/costs/main.ts' : 'test/fuzz/main.ts');
  const heap = costs ? [`--max-old-space-size=${COSTS_HEAP_MB}`] : [];
  const node = ['--expose-gc', ...heap, '--import=tsx', '--conditions=@org/source', main];
  return new Promise((done) => {
    const child = spawn(process.execPath, [...node, ...args], {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const hang = () => {
      console.log('it says nothing any more');
      child.kill('SIGKILL');
    };
    let timer = setTimeout(hang, silenceMs);
    child.on('message', () => {
      clearTimeout(timer);
      timer = setTimeout(hang, silenceMs);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ code: code ?? 1, died: signal !== null || (code !== 0 && code !== 1) });
    });
  });
}
