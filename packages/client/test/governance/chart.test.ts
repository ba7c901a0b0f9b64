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
    assert.match(svg, /d="M58\.0 236\.0L610\.0 145\.0"/);
    assert.match(svg, /d="M58\.0 54\.0L610\.0 72\.2"/);
  });

  it('escapes what people write, and is the same for the same figures', () => {
    assert.match(drawChart(chart), /a &#60; b &#38; &#34;c&#34;/);
    assert.equal(drawChart(chart), drawChart(chart));
  });
});
