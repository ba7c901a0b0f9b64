import assert from 'node:assert/strict';
import { createStyle } from './style.js';
import { formatTable } from './table.js';

describe('formatTable', () => {
  it('pads columns to their widest cell, left or right as told, without blanks at the ends', () => {
    const text = formatTable({
      head: ['name', 'calls'],
      rows: [
        ['a', '1,000'],
        ['longer', '5'],
      ],
      align: 'lr',
    });
    assert.equal(text, '  name    calls\n  a       1,000\n  longer      5\n');
  });

  it('does not count colour codes as width', () => {
    const { bad } = createStyle(true, {});
    const lines = formatTable({
      rows: [
        [bad('no'), 'x'],
        ['four', 'x'],
      ],
      align: 'll',
    }).split('\n');
    assert.equal(lines[0], `  ${bad('no')}    x`);
    assert.equal(lines[1], '  four  x');
  });

  it('is nothing without rows', () => {
    assert.equal(formatTable({ head: ['a'], rows: [], align: 'l' }), '');
  });
});

describe('createStyle', () => {
  it('colours on a terminal only, and not with NO_COLOR', () => {
    assert.equal(createStyle(true, {}).bad('x'), '\u001b[31mx\u001b[0m');
    assert.equal(createStyle(false, {}).bad('x'), 'x');
    assert.equal(createStyle(true, { NO_COLOR: '1' }).bad('x'), 'x');
    assert.equal(createStyle(true, { NO_COLOR: '' }).bad('x'), '\u001b[31mx\u001b[0m');
    assert.equal(createStyle(true, { TERM: 'dumb' }).bad('x'), 'x');
  });
});
