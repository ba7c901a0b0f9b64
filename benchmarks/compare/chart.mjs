const WIDTH = 720;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 96;
const BAR_HEIGHT = 20;
const GAP = 8;
const TOP = 46;
const STYLE = `
  svg { font: 13px system-ui, sans-serif }
  .ground { fill: #fff } .text { fill: #1f2328 } .quiet { fill: #59636e } .bar { fill: #9aa5b1 } .own { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } .text { fill: #f0f6fc } .quiet { fill: #9198a1 } .bar { fill: #656c76 } .own { fill: #4493f8 }
  }`;

/**
 * A chart of horizontal bars, the longest first unless they have an order of their own, readable on light and dark pages.
 *
 * @param {string} title
 * @param {string} unit said below the title
 * @param {readonly { label: string, value: number, text: string, isOwn?: boolean }[]} bars
 * @param {{ isSorted?: boolean }} [options]
 * @returns {string} SVG
 */
export function barChart(title, unit, bars, { isSorted = true } = {}) {
  const sorted = isSorted ? bars.toSorted((a, b) => b.value - a.value) : bars;
  const longest = Math.max(...sorted.map(({ value }) => value));
  const height = TOP + sorted.length * (BAR_HEIGHT + GAP) + GAP;
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const rows = sorted.map(({ label, value, text, isOwn }, i) => {
    const y = TOP + i * (BAR_HEIGHT + GAP);
    const width = Math.max(1, (value / longest) * room);
    const middle = y + BAR_HEIGHT / 2 + 4;
    return [
      `<text class="text" x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect class="${isOwn ? 'own' : 'bar'}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="3"/>`,
      `<text class="quiet" x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${middle}">${escapeXml(text)}</text>`,
    ].join('\n');
  });
  const spoken = sorted.map(({ label, text }) => `${label} ${text}`).join(', ');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escapeXml(title)}</title>
<desc>${escapeXml(`${unit}: ${spoken}`)}</desc>
<style>${STYLE}</style>
<rect class="ground" width="100%" height="100%"/>
<text class="text" x="12" y="20" font-weight="600">${escapeXml(title)}</text>
<text class="quiet" x="12" y="37" font-size="11">${escapeXml(unit)}</text>
${rows.join('\n')}
</svg>
`;
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
