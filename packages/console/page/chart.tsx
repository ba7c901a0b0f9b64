import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { Point } from '../src/traffic/traffic.js';

/** One line of a chart. */
export interface Line {
  readonly label: string;
  /** A custom property of the style sheet. */
  readonly colour: string;
  readonly dash?: readonly number[];
  value(point: Point | undefined): number | null;
}

const SECONDS = 300;

/** Lines over the last five minutes. What it shows is said in words beside it: a picture is no text. */
export function Chart(props: {
  label: string;
  lines: readonly Line[];
  second: number;
  points: readonly Point[];
  unit: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const { lines, unit, label } = props;
  const data = dataOf(lines, props.second, props.points);
  useEffect(() => {
    const element = place.current!;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(lines, unit, element), data, element);
    };
    make();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      scheme.removeEventListener('change', make);
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [label]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="chart" ref={place} role="img" aria-label={label} />;
}

const HEIGHT = 180;

function dataOf(lines: readonly Line[], second: number, points: readonly Point[]): uPlot.AlignedData {
  const by = new Map(points.map((point) => [point.second, point]));
  const from = second - SECONDS;
  // The newest seconds are not told by all servers yet.
  const seconds = Array.from({ length: SECONDS - 2 }, (_, index) => from + index);
  return [
    seconds.map((each) => each - second),
    ...lines.map(({ value }) => seconds.map((each) => value(by.get(each)))),
  ];
}

function optionsOf(lines: readonly Line[], unit: string, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line') },
  };
  return {
    width: element.clientWidth || 400,
    height: HEIGHT,
    legend: { live: false },
    cursor: { show: false },
    scales: { x: { time: false, range: [-SECONDS, 0] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      {
        ...axis,
        values: (_, values) => values.map((value) => (value === 0 ? 'now' : `${value / 60} min`)),
        splits: () => [-300, -240, -180, -120, -60, 0],
      },
      { ...axis, size: 62, values: (_, values) => values.map((value) => labelOf(value, unit)) },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name, dash }) => ({
        label,
        stroke: colour(name),
        width: 2,
        points: { show: true, size: 4, fill: colour(name), filter: lonely },
        ...(dash === undefined ? {} : { dash: [...dash] }),
      })),
    ],
  };
}

/** Values without neighbours, which no line goes through: of an instance that is seldom called these are nearly all. */
function lonely(plot: uPlot, series: number): number[] {
  const values = plot.data[series]!;
  const isThere = (index: number): boolean => values[index] !== null && values[index] !== undefined;
  return Array.from(values.keys()).filter((index) => isThere(index) && !isThere(index - 1) && !isThere(index + 1));
}

/** What stands at the axis, where there is room for few characters. */
function labelOf(value: number, unit: string): string {
  return unit === 'ms' && value >= 1_000 ? `${value / 1_000} s` : `${value} ${unit}`;
}
