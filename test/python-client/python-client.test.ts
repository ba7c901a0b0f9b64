import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DATA_FILE } from '../../tools/protocol-vectors/files.js';
import { PYTHON, runMoves } from './run-moves.js';

const FOLDER = new URL('../../examples/python-client/', import.meta.url);
const SCRIPTS = readdirSync(FOLDER).filter((name) => name.endsWith('.py'));

describe('the client in Python', function () {
  this.timeout(60_000);

  it('imports nothing but the standard library and its own files', () => {
    const own = SCRIPTS.map((name) => name.replace('.py', ''));
    const standard = 'argparse asyncio collections contextlib datetime random ssl struct sys time typing zlib'.split(
      ' ',
    );
    for (const name of SCRIPTS) {
      const text = readFileSync(new URL(name, FOLDER), 'utf8');
      for (const [, module = ''] of text.matchAll(/^(?:from|import) (\w+)/gm))
        assert.ok([...own, ...standard].includes(module), `${name} imports ${module}`);
    }
  });

  it('calls a server, reads its errors and streams, uploads, talks both ways, pings, and leaves', async () => {
    const { code, output, connections } = await runMoves('main.py', []);
    assert.deepEqual(output.split('\n'), [
      'greeted by protocol version 1',
      "two calls at once: slow {'list': [1.5, -7, None]}",
      'in pieces: 1000000 bytes',
      "a failing call: NOT_FOUND: as asked True {'code': 'NOT_FOUND'}",
      'a slow call: DEADLINE_EXCEEDED',
      'a stream: 100 items 4000000 bytes',
      'an upload: [5050]',
      'both ways: hello',
      'pinged',
      '',
    ]);
    assert.deepEqual([code, connections], [0, 1]);
  });

  it('reads every value of the specification, and writes those that Python has types for to the same bytes', () => {
    const { values } = JSON.parse(readFileSync(DATA_FILE, 'utf8')) as { values: readonly ValueVector[] };
    const written = rewrite(values.map(({ hex }) => unfolded(hex)));
    for (const [index, { name, hex, onlyRead }] of values.entries()) {
      assert.doesNotMatch(written[index]!, /malformed/, name);
      // A reader takes every form of an extension's header; this one writes the shortest.
      if (onlyRead === true || hex.startsWith('c9') || name.startsWith('bigint')) continue;
      assert.equal(written[index], unfolded(hex), name);
    }
  });

  it('makes 1,000 random legal moves on one connection, and it lives', async () => {
    const { code, output, connections } = await runMoves('moves.py', ['--moves', '1000', '--seed', '1']);
    assert.match(output, /1000 moves, 0 connections lost\n$/);
    const halfClosed = Number(/(\d+) half_close/.exec(output)?.[1] ?? 0);
    assert.deepEqual([code, connections], [0, 1 + halfClosed]);
  });
});

interface ValueVector {
  readonly name: string;
  readonly hex: string;
  readonly onlyRead?: boolean;
}

/** What the client in Python makes of these values. */
function rewrite(lines: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(PYTHON, [fileURLToPath(new URL('check_values.py', FOLDER))], {
    input: lines.map((line) => `${line}\n`).join(''),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.split('\n');
}

/** Hex in which `00*5` stands for five bytes. */
function unfolded(hex: string): string {
  return hex
    .replace(/(\w\w)\*(\d+)/g, (_, byte: string, times: string) => byte.repeat(Number(times)))
    .replaceAll(' ', '');
}
