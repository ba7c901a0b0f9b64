import assert from 'node:assert/strict';
import { RpcError } from '@org/rpc-core';
import { testTerminal } from '../test/test-terminal.js';
import { runCli } from './cli.js';
import { CliError } from './cli-error.js';
import type { Command } from './command.js';

function command(run: Command['run']): Command {
  const options = { rate: { type: 'string', short: 'r', value: '<n>', help: 'how fast' } } as const;
  return {
    name: 'work',
    summary: 'does it',
    usage: ['work <x>'],
    options,
    notes: ['note'],
    examples: ['rpc work 1'],
    run,
  };
}

describe('runCli', () => {
  it('gives the exit code of the command', async () => {
    const seen: unknown[] = [];
    const work = command(async (line) => {
      seen.push(line.positionals, line.text('rate'));
      return 2;
    });
    assert.equal(await runCli(['work', 'x', '-r', '5'], testTerminal(), [work]), 2);
    assert.deepEqual(seen, [['x'], '5']);
  });

  it('tells every failure in one line on stderr, without a stack, and exits with 1', async () => {
    const failures = [
      new CliError('no\n  registry'),
      new RpcError('UNAVAILABLE', 'nobody there'),
      new TypeError('bad option'),
      'a text',
    ];
    const lines = ['no registry', 'UNAVAILABLE: nobody there', 'bad option', 'a text'];
    for (const [index, failure] of failures.entries()) {
      const terminal = testTerminal();
      const work = command(async () => {
        throw failure;
      });
      assert.equal(await runCli(['work'], terminal, [work]), 1);
      assert.equal(terminal.errText, `rpc work: ${lines[index]}\n`);
      assert.equal(terminal.outText, '');
    }
  });

  it('prints the stack and its causes with --verbose or RPC_DEBUG', async () => {
    const work = command(async () => {
      throw new CliError('outer', { cause: new Error('inner') });
    });
    for (const terminal of [testTerminal(), testTerminal({ environment: { RPC_DEBUG: '1' } })]) {
      const words = terminal.environment['RPC_DEBUG'] === undefined ? ['work', '--verbose'] : ['work'];
      await runCli(words, terminal, [work]);
      assert.match(terminal.errText, /^rpc work: outer\n.*\n +at .*caused by Error: inner\n +at /s);
    }
  });

  it('names the nearest command when one is unknown, and all of them when none is near', async () => {
    const near = testTerminal();
    assert.equal(await runCli(['bensh'], near), 1);
    assert.equal(near.errText, 'rpc: unknown command bensh, did you mean bench?\n');
    const far = testTerminal();
    await runCli(['dance-for-me'], far);
    assert.equal(
      far.errText,
      'rpc: unknown command dance-for-me; there are bench, call, console, describe, drain, ls, rules, serve, top, weight\n',
    );
  });

  it('names the nearest option when one is unknown', async () => {
    const terminal = testTerminal();
    assert.equal(await runCli(['bench', 'a.b', '--durration', '1s'], terminal), 1);
    assert.equal(terminal.errText, 'rpc bench: unknown option --durration, did you mean --duration?\n');
  });

  it('prints the help of the program and of each command with all its options', async () => {
    const program = testTerminal();
    assert.equal(await runCli(['--help'], program), 0);
    for (const name of ['bench', 'call', 'console', 'describe', 'drain', 'ls', 'rules', 'top', 'weight'])
      assert.match(program.outText, new RegExp(`\\n {2}${name} +\\w`));
    const bench = testTerminal();
    assert.equal(await runCli(['bench', '--help'], bench), 0);
    for (const option of ['-d, --duration <time>', '--fail-on <list>', '--self', '--verbose', '-h, --help']) {
      assert.ok(bench.outText.includes(option), option);
    }
    assert.match(bench.outText, /Examples\n {2}rpc bench calculator\.sum 1 2/);
  });

  it('prints the help of a command that is named after help, whose usage can be typed as it stands', async () => {
    for (const name of ['bench', 'call', 'console', 'describe', 'drain', 'ls', 'rules', 'top', 'weight']) {
      const terminal = testTerminal();
      assert.equal(await runCli(['help', name], terminal), 0);
      const usage = /Usage\n((?: {2}.*\n)+)/.exec(terminal.outText)![1]!;
      for (const line of usage.trimEnd().split('\n')) assert.match(line, new RegExp(`^ {2}rpc ${name} `));
    }
    const unknown = testTerminal();
    assert.equal(await runCli(['help', 'cal'], unknown), 1);
    assert.equal(unknown.errText, 'rpc: unknown command cal, did you mean call?\n');
  });

  it('prints the help on stderr and fails when nothing was asked', async () => {
    const terminal = testTerminal();
    assert.equal(await runCli([], terminal), 1);
    assert.match(terminal.errText, /^rpc: the command line of @org\/rpc\n/);
  });

  it('prints its version', async () => {
    const terminal = testTerminal();
    assert.equal(await runCli(['--version'], terminal), 0);
    assert.match(terminal.outText, /^\d+\.\d+\.\d+/);
  });

  it('refuses a registry that it cannot read before doing anything', async () => {
    const terminal = testTerminal();
    assert.equal(await runCli(['ls', '--registry', 'etdc://h:1'], terminal), 1);
    assert.match(
      terminal.errText,
      /^rpc ls: --registry: registry: unknown scheme "etdc" \(did you mean "etcd"\?\).*\n$/,
    );
  });
});
