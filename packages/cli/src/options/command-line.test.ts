import assert from 'node:assert/strict';
import { CliError } from '../cli-error.js';
import { type OptionSpecs, parseCommandLine } from './command-line.js';

const SPECS: OptionSpecs = {
  duration: { type: 'string', short: 'd', value: '<time>', help: '' },
  metadata: { type: 'string', multiple: true, help: '' },
  requests: { type: 'string', short: 'n', help: '' },
  json: { type: 'boolean', help: '' },
};

const failsWith = (words: string[], message: RegExp): void => {
  assert.throws(
    () => parseCommandLine(words, SPECS),
    (error: unknown) => error instanceof CliError && message.test(error.message) && !error.message.includes('\n'),
  );
};

describe('parseCommandLine', () => {
  it('gives positionals, values, lists and flags in any order', () => {
    const line = parseCommandLine(['a.b', '--json', '-d', '10s', '1', '--metadata=k=v', '--metadata', 'l=w'], SPECS);
    assert.deepEqual(line.positionals, ['a.b', '1']);
    assert.equal(line.text('duration'), '10s');
    assert.deepEqual(line.list('metadata'), ['k=v', 'l=w']);
    assert.equal(line.flag('json'), true);
    assert.equal(line.text('requests'), undefined);
  });

  it('names the nearest option when one is unknown', () => {
    failsWith(['--durration', '10s'], /^unknown option --durration, did you mean --duration\?$/);
    failsWith(['--zzzzzzzz'], /^unknown option --zzzzzzzz; see --help$/);
    failsWith(['-z'], /^unknown option -z/);
  });

  it('does not take what every object has for an option', () => {
    failsWith(['--constructor'], /unknown option --constructor/);
  });

  it('says that a value is missing instead of taking the next option for it', () => {
    failsWith(['--duration'], /^--duration needs a value: --duration <time>$/);
    failsWith(['--duration', '--json'], /--duration needs a value/);
    assert.equal(parseCommandLine(['--duration', '-'], SPECS).text('duration'), '-');
  });

  it('refuses a value for a flag', () => {
    failsWith(['--json=yes'], /--json takes no value/);
  });

  it('takes negative numbers for arguments and values, not for options', () => {
    const line = parseCommandLine(['a.b', '-2', '-.5', '--requests', '-3'], SPECS);
    assert.deepEqual(line.positionals, ['a.b', '-2', '-.5']);
    assert.equal(line.text('requests'), '-3');
  });

  it('takes everything after -- for arguments', () => {
    assert.deepEqual(parseCommandLine(['a.b', '--', '--json', '-x'], SPECS).positionals, ['a.b', '--json', '-x']);
  });

  it('takes the last of several values', () => {
    assert.equal(parseCommandLine(['-d', '1s', '-d', '2s'], SPECS).text('duration'), '2s');
  });
});
