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
}

const WIDTH = 640;
const HEIGHT = 280;
const LEFT = 58;
const RIGHT = 30;
const TOP = 54;
const BOTTOM = 44;

/** Told apart by those, too, who see few colours, on white and on black. Source: Okabe and Ito, "Color Universal Design" (2008). */
const COLORS = ['#0072b2', '#d55e00', '#009e73'];
const STROKES = ['', ' stroke-dasharray="6 3"', ' stroke-dasharray="2 3"'];

const STYLE = `text{font:12px system-ui,sans-serif;fill:#333}.title{font-size:14px;font-weight:600}.grid{stroke:#ddd}.axis{stroke:#888}
@media (prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.s0{stroke:#56b4e9}.s1{stroke:#e69f00}}`;

/** Draws a chart as SVG, readable on light and on dark pages. The same figures give the same bytes. */
export function drawChart({ title, x, y, series, labels }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const [least, most] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))];
  const step = niceStep(Math.max(...all.map(([, value]) => value)));
  const top = step * Math.ceil(Math.max(...all.map(([, value]) => value)) / step);
  const atX = (value: number): string =>
    (LEFT + ((value - least) / (most - least)) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const atY = (value: number): string => (HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
  const lines: string[] = [];
  for (let value = 0; value <= top + step / 2; value += step) {
    lines.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${atY(value)}" y2="${atY(value)}"/>`);
    lines.push(`<text x="${LEFT - 6}" y="${Number(atY(value)) + 4}" text-anchor="end">${numberText(value)}</text>`);
  }
  const marks = labels ?? marksOf(least, most).map((value) => [value, numberText(value)] as const);
  for (const [value, label] of marks)
    lines.push(`<text x="${atX(value)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${escaped(label)}</text>`);
  series.forEach(({ name, points }, index) => {
    const path = points.map(([at, value], i) => `${i === 0 ? 'M' : 'L'}${atX(at)} ${atY(value)}`).join('');
    const look = `class="s${index}" stroke="${COLORS[index]}" stroke-width="2" fill="none"${STROKES[index]}`;
    const from = LEFT + index * 190;
    lines.push(`<path ${look} d="${path}"/>`, `<path ${look} d="M${from} 37h24"/>`);
    lines.push(`<text x="${from + 30}" y="41">${escaped(name)}</text>`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}"><style>${STYLE}</style>
<text class="title" x="${LEFT}" y="20">${escaped(title)}</text>
${lines.join('\n')}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(x)}</text>
<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>
</svg>
`;
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
