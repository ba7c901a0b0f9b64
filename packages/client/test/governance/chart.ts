/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A chart with straight axes. */
export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** Names for some points of the first axis, in place of its numbers. */
  readonly labels?: readonly (readonly [x: number, label: string])[];
  /** Parts of the first axis in which something is otherwise, such as a fault, shaded and named. */
  readonly bands?: readonly { readonly from: number; readonly until: number; readonly label: string }[];
}

const WIDTH = 640;
const HEIGHT = 300;
const LEFT = 58;
const RIGHT = 30;
const TOP = 68;
const BOTTOM = 44;

/** Lines and colours are told apart by those, too, who see few colours. Source: Okabe and Ito, "Color Universal Design" (2008). */
const STROKES = ['', ' stroke-dasharray="6 3"', ' stroke-dasharray="2 3"'];

/** Has a ground of its own: a page may be dark where the system is light. */
const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-size:14px;font-weight:600}.ground{fill:#fff}.grid{stroke:#ddd}.axis{stroke:#888}
.band{fill:#818b98;opacity:.16}.quiet{fill:#59636e;font-size:11px}path{fill:none;stroke-width:2;stroke-linejoin:round}
.s0{stroke:#0072b2}.s1{stroke:#d55e00}.s2{stroke:#009e73}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.ground{fill:#0d1117}.grid{stroke:#3d444d}.quiet{fill:#9198a1}
.s0{stroke:#56b4e9}.s1{stroke:#e69f00}.s2{stroke:#2fbf94}}`;

/** What a letter of the legend takes, on average, in pixels. */
const LETTER = 6.6;
const TITLE_MAX = 72;

/**
 * Draws a chart as SVG, readable on light and on dark pages. The same figures give the same bytes.
 * @throws RangeError for a title that is longer than the chart is wide
 */
export function drawChart(chart: Chart): string {
  const { title, x, y, series, labels, bands = [] } = chart;
  if (title.length > TITLE_MAX) throw new RangeError(`a title has at most ${TITLE_MAX} letters: ${title}`);
  const all = series.flatMap(({ points }) => points);
  const [least, most] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))];
  const step = niceStep(Math.max(...all.map(([, value]) => value)));
  const top = step * Math.ceil(Math.max(...all.map(([, value]) => value)) / step);
  const atX = (value: number): string =>
    (LEFT + ((value - least) / (most - least)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const atY = (value: number): string => (HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const lines: string[] = [];
  for (const { from, until, label } of bands) {
    const [left, right] = [Number(atX(from)), Number(atX(until))];
    const size = `x="${left}" y="${TOP}" width="${(right - left).toFixed(1)}" height="${HEIGHT - TOP - BOTTOM}"`;
    const middle = ((left + right) / 2).toFixed(1);
    lines.push(`<rect class="band" ${size}/>`);
    lines.push(`<text class="quiet" x="${middle}" y="${TOP - 4}" text-anchor="middle">${escaped(label)}</text>`);
  }
  for (let value = 0; value <= top + step / 2; value += step) {
    lines.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(value)}" y2="${atY(value)}"/>`);
    lines.push(`<text x="${LEFT - 6}" y="${Number(atY(value)) + 4}" text-anchor="end">${numberText(value)}</text>`);
  }
  const marks = labels ?? marksOf(least, most).map((value) => [value, numberText(value)] as const);
  for (const [value, label] of marks)
    lines.push(`<text x="${atX(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${escaped(label)}</text>`);
  let legendX = LEFT;
  series.forEach(({ name, points }, index) => {
    const path = points.map(([at, value], i) => `${i === 0 ? 'M' : 'L'}${atX(at)} ${atY(value)}`).join('');
    const look = `class="s${index}"${STROKES[index]}`;
    lines.push(`<path ${look} d="${path}"/>`, `<path ${look} d="M${legendX} 36h24"/>`);
    lines.push(`<text x="${legendX + 30}" y="40">${escaped(name)}</text>`);
    legendX += 50 + Math.ceil(name.length * LETTER);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="t d">
<title id="t">${escaped(title)}</title>
<desc id="d">${escaped(spoken(chart))}</desc>
<style>${STYLE}</style>
<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>
<text class="title" x="${LEFT}" y="18">${escaped(title)}</text>
${lines.join('\n')}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x)}</text>
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>
</svg>
`;
}

/** The chart for those who hear it. */
function spoken({ x, y, series, bands = [] }: Chart): string {
  const lines = series.map(({ name, points }) => {
    const values = points.map(([, value]) => value);
    const [least, most] = [Math.min(...values), Math.max(...values)].map(numberText);
    return `${name}: between ${least} and ${most}, ${numberText(values.at(-1)!)} at the end`;
  });
  const marked = bands.map(({ from, until, label }) => `${label} from ${numberText(from)} to ${numberText(until)}`);
  return `${y}, by ${x}. ${[...lines, ...marked].join('; ')}.`;
}

/** A round step that makes four to ten lines. */
function niceStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  return [1, 2, 5, 10].map((times) => times * power).find((each) => most / each <= 6)!;
}

function marksOf(least: number, most: number): number[] {
  const step = niceStep(most - least);
  const marks: number[] = [];
  for (let value = Math.ceil(least / step) * step; value <= most; value += step) marks.push(value);
  return marks;
}

function numberText(value: number): string {
  return Number(value.toFixed(3)).toLocaleString('en');
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
}
