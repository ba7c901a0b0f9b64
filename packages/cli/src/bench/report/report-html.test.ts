import assert from 'node:assert/strict';
import { report, seconds } from '../../../test/report-fixture.js';
import { escapeHtml, formatHtml } from './report-html.js';

describe('formatHtml', () => {
  it('refers to nothing outside of itself', () => {
    const html = formatHtml(report('a.b http://example.com/x --rate 10'));
    assert.doesNotMatch(html, /\b(src|href|action|srcset|data)=/i);
    assert.doesNotMatch(html, /url\(|@import|<script|<link|<img|<iframe|\bhttps?:|\bxmlns/i);
  });

  it('draws throughput and latency of every second', () => {
    const html = formatHtml(report());
    assert.equal(html.match(/<rect class="hit"/g)?.length, 10);
    assert.match(html, /<title>4 s, 1,003 calls\/s, p50 1\.30 ms, p99 7\.00 ms, errors 0, dropped 0<\/title>/);
    assert.equal(html.match(/class="line (rate|p50|p99)"/g)?.length, 3);
    assert.doesNotMatch(html, /NaN|Infinity|undefined/);
  });

  it('breaks the lines of latency where a second has no success, and marks it', () => {
    const html = formatHtml(report());
    const path = /class="line p50" d="([^"]*)"/.exec(html)?.[1] ?? '';
    assert.equal(path.match(/M/g)?.length, 2);
    assert.equal(html.match(/<circle class="bad"/g)?.length, 1);
  });

  it('says so when a run is too short for a chart', () => {
    const html = formatHtml(report('a.b', { series: seconds(1) }));
    assert.match(html, /too short for a chart/);
    assert.doesNotMatch(html, /<svg/);
  });

  it('draws a very long run with a bounded number of points', () => {
    const html = formatHtml(report('a.b', { series: seconds(86_400) }));
    assert.ok((html.match(/<rect class="hit"/g)?.length ?? 0) <= 600);
    assert.ok(html.length < 500_000);
  });

  it('leaves no text of others unescaped', () => {
    const html = formatHtml(report('<script>.sum', {}));
    assert.doesNotMatch(html, /<script>/);
    assert.match(html, /UNAVAILABLE: &lt;gone&gt; &amp; away/);
    assert.equal(escapeHtml(`<a b="c" d='e'>&`), '&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;');
  });

  it('draws a run in which nothing succeeded', () => {
    const series = seconds(5).map((second) => ({ ...second, callsPerSecond: 0, p50Ms: null, p99Ms: null }));
    assert.doesNotMatch(formatHtml(report('a.b', { series, responseTime: null })), /NaN|Infinity|undefined/);
  });
});
