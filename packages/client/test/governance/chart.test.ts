import assert from 'node:assert/strict';
import { drawChart } from './chart.js';

describe('drawChart', () => {
  const chart = {
    title: 'a < b & "c"',
    x: 'second',
    y: 'ms',
    series: [
      {
        name: 'one',
        points: [
          [0, 0],
          [10, 50],
        ],
      },
      {
        name: 'other',
        points: [
          [0, 100],
          [10, 90],
        ],
      },
    ],
  } as const;

  it('puts the least value at the foot and the most at the top, from the left to the right', () => {
    const svg = drawChart(chart);
    assert.match(svg, /d="M58\.0 256\.0L610\.0 162\.0"/);
    assert.match(svg, /d="M58\.0 68\.0L610\.0 86\.8"/);
  });

  it('is told to those who do not see it, and shades what is otherwise', () => {
    const svg = drawChart({ ...chart, bands: [{ from: 2, until: 4, label: 'fault' }] });
    assert.match(svg, /<title id="t">a /);
    assert.match(svg, /ms, by second\. one: between 0 and 50, 50 at the end; .*; fault from 2 to 4\./);
    assert.match(svg, /<rect class="band" x="168\.4" y="68" width="110\.4"/);
  });

  it('refuses a title that would be cut off', () => {
    assert.throws(() => drawChart({ ...chart, title: 'a'.repeat(73) }), RangeError);
  });

  it('escapes what people write, and is the same for the same figures', () => {
    assert.match(drawChart(chart), /a &#60; b &#38; &#34;c&#34;/);
    assert.equal(drawChart(chart), drawChart(chart));
  });
});
