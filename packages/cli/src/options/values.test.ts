import assert from 'node:assert/strict';
import { parseCommandLine } from './command-line.js';
import { bytesOption, countOption, durationOption, numberOption, parseDurationMs } from './values.js';

const line = (value: string) => parseCommandLine(['--x', value], { x: { type: 'string', help: '' } });
const BOUNDS = { min: 1, max: 1_000_000 };

describe('values of options', () => {
  it('reads times with their unit', () => {
    const texts = ['500us', '20ms', '1.5s', '2m', '1h'];
    assert.deepEqual(texts.map(parseDurationMs), [0.5, 20, 1500, 120_000, 3_600_000]);
  });

  it('refuses a time without a unit, naming the option and how to write it', () => {
    assert.throws(() => durationOption(line('10'), 'x', BOUNDS), /^CliError: --x '10' is not a time; write it like/);
  });

  it('refuses what is out of bounds, naming the bounds', () => {
    assert.throws(() => durationOption(line('0s'), 'x', BOUNDS), /--x '0s' is out of bounds: from 1 to 1000000 ms/);
    assert.throws(() => countOption(line('-1'), 'x', BOUNDS), /out of bounds/);
  });

  it('reads numbers as people write them', () => {
    assert.equal(numberOption(line('20_000'), 'x', BOUNDS), 20_000);
    assert.equal(numberOption(line('1e3'), 'x', BOUNDS), 1000);
    assert.equal(numberOption(line('2.5'), 'x', BOUNDS), 2.5);
    assert.throws(() => numberOption(line('many'), 'x', BOUNDS), /'many' is not a number/);
    assert.throws(() => countOption(line('2.5'), 'x', BOUNDS), /'2.5' is not a whole number/);
  });

  it('reads sizes', () => {
    assert.equal(bytesOption(line('512'), 'x', BOUNDS), 512);
    assert.equal(bytesOption(line('16k'), 'x', BOUNDS), 16_384);
    assert.equal(bytesOption(line('1KiB'), 'x', BOUNDS), 1024);
    assert.throws(() => bytesOption(line('big'), 'x', BOUNDS), /is not a size/);
  });

  it('is undefined for an option that was not given', () => {
    const empty = parseCommandLine([], { x: { type: 'string', help: '' } });
    assert.equal(durationOption(empty, 'x', BOUNDS), undefined);
    assert.equal(bytesOption(empty, 'x', BOUNDS), undefined);
    assert.equal(countOption(empty, 'x', BOUNDS), undefined);
  });
});
