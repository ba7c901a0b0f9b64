import type { FleetView } from '../src/fleet/fleet-view.js';
import { healthOf, Linked, RateCells, RateHeads, RatesNote, Table } from './parts.js';
import { plural, rate, show } from './show.js';

const ROWS_MAX = 24;
const [NODE_WIDTH, NODE_HEIGHT, GAP] = [210, 38, 14];
const COLUMNS = [0, 345, 690] as const;
const WIDTH = COLUMNS[2] + NODE_WIDTH;

interface Spot {
  readonly name: string;
  readonly note: string;
  readonly tone: string;
  readonly href: string;
}

/** Callers, services and instances, and what flows between them: as a picture, and as a table for whoever cannot use the picture. */
export function MapPage({ view }: { view: FleetView }) {
  const { callers, services, instances, omitted } = columnsOf(view);
  const rows = Math.max(callers.length, services.length, instances.length, 1);
  const height = rows * (NODE_HEIGHT + GAP);
  return (
    <>
      <h1 tabIndex={-1}>Map</h1>
      <RatesNote view={view} />
      <p class="quiet">
        {plural(view.services.length, 'service')}, {plural(view.instances.length, 'instance')}.{' '}
        <span class="of-map">A line is as wide as its calls are many; broken red lines have errors.</span>
      </p>
      <div class="map" aria-hidden="true">
        <svg viewBox={`-2 -24 ${WIDTH + 4} ${height + 28}`} width={WIDTH + 4} role="presentation" focusable="false">
          {['callers', 'services', 'instances'].map((head, index) => (
            <text class="head" x={COLUMNS[index]!} y={-8} key={head}>
              {head}
            </text>
          ))}
          {linksOf(view, callers, services, instances)}
          {[callers, services, instances].map((column, index) =>
            column.map((spot, row) => (
              <Node spot={spot} x={COLUMNS[index]!} y={placeOf(row)} key={`${index} ${spot.name}`} />
            )),
          )}
        </svg>
      </div>
      {omitted && <p class="quiet">The picture has the first {ROWS_MAX} of each column; the table has all.</p>}
      <h2>Who calls whom</h2>
      <Table label="Who calls whom">
        <thead>
          <tr>
            <th scope="col">caller</th>
            <th scope="col">service</th>
            <th scope="col">instance</th>
            <RateHeads />
          </tr>
        </thead>
        <tbody>
          {view.edges.map((edge) => (
            <tr key={`${edge.caller} ${edge.service} ${edge.instance}`}>
              <td>
                <Linked page="callers" name={edge.caller} />
              </td>
              <td>
                <Linked page="services" name={edge.service} />
              </td>
              <td>
                <Linked page="instances" name={edge.instance} />
              </td>
              <RateCells value={edge.rate} />
            </tr>
          ))}
          {view.edges.length === 0 && (
            <tr>
              <td colSpan={7}>{emptyReason(view)}</td>
            </tr>
          )}
        </tbody>
      </Table>
    </>
  );
}

/** Why no calls are seen. */
export function emptyReason(view: FleetView): string {
  if (view.instances.length === 0) return 'Nothing is registered here.';
  const silent = view.instances.filter(({ report }) => report === 'off' || report === 'refused');
  if (silent.length < view.instances.length) return 'No calls in the last minutes.';
  return 'The instances tell nothing of their calls: their createServer needs the option operator, and the console its token.';
}

function columnsOf(view: FleetView) {
  const perCaller = new Map<string, number>();
  for (const { caller, rate: flow } of view.edges) perCaller.set(caller, (perCaller.get(caller) ?? 0) + flow.perSecond);
  const callers: Spot[] = [...perCaller].map(([name, perSecond]) => ({
    name,
    note: `${rate(perSecond)}/s`,
    tone: 'idle',
    href: `#callers/${encodeURIComponent(name)}`,
  }));
  const services: Spot[] = view.services.map(({ name, rate: flow }) => ({
    name,
    note: `${rate(flow.perSecond)}/s`,
    tone: flow.errorPercent > 0 ? 'bad' : 'idle',
    href: `#services/${encodeURIComponent(name)}`,
  }));
  const instances: Spot[] = view.instances.map((instance) => {
    const [word, tone] = healthOf(instance);
    return {
      name: instance.id,
      note: `${word}, ${rate(instance.rate.perSecond)}/s`,
      tone,
      href: `#instances/${encodeURIComponent(instance.id)}`,
    };
  });
  const omitted = [callers, services, instances].some((column) => column.length > ROWS_MAX);
  const cut = (column: Spot[]) => column.slice(0, ROWS_MAX);
  return { callers: cut(callers), services: cut(services), instances: cut(instances), omitted };
}

function linksOf(view: FleetView, callers: readonly Spot[], services: readonly Spot[], instances: readonly Spot[]) {
  const [callerRow, serviceRow, instanceRow] = [callers, services, instances].map(
    (column) => new Map(column.map(({ name }, row) => [name, row])),
  );
  const sums = new Map<string, { from: number; to: number; column: 0 | 1; perSecond: number; errors: number }>();
  const add = (column: 0 | 1, from: number | undefined, to: number | undefined, perSecond: number, errors: number) => {
    if (from === undefined || to === undefined) return;
    const key = `${column} ${from} ${to}`;
    const sum = sums.get(key) ?? { from, to, column, perSecond: 0, errors: 0 };
    sum.perSecond += perSecond;
    sum.errors += errors;
    sums.set(key, sum);
  };
  for (const { name, instances: own } of view.services)
    for (const id of own) add(1, serviceRow!.get(name), instanceRow!.get(id), 0, 0);
  for (const { caller, service, instance, rate: flow } of view.edges) {
    const errors = (flow.perSecond * flow.errorPercent) / 100;
    add(0, callerRow!.get(caller), serviceRow!.get(service), flow.perSecond, errors);
    add(1, serviceRow!.get(service), instanceRow!.get(instance), flow.perSecond, errors);
  }
  return [...sums].map(([key, { from, to, column, perSecond, errors }]) => {
    const [x1, x2] = [COLUMNS[column]! + NODE_WIDTH, COLUMNS[column + 1]!];
    const [y1, y2] = [placeOf(from) + NODE_HEIGHT / 2, placeOf(to) + NODE_HEIGHT / 2];
    const middle = (x1 + x2) / 2;
    const width = perSecond === 0 ? 1 : Math.min(9, 1.5 + Math.log10(1 + perSecond) * 1.8);
    const tone = errors > 0 ? 'link errors' : perSecond === 0 ? 'link idle' : 'link';
    return (
      <path
        class={tone}
        key={key}
        d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`}
        stroke-width={width}
      />
    );
  });
}

function Node({ spot, x, y }: { spot: Spot; x: number; y: number }) {
  const box = (
    <>
      <title>{show(spot.name)}</title>
      <rect class={`node ${spot.tone}`} x={x} y={y} width={NODE_WIDTH} height={NODE_HEIGHT} rx={6} />
      <svg x={x} y={y} width={NODE_WIDTH - 8} height={NODE_HEIGHT} role="presentation">
        <text x={10} y={16}>
          {show(spot.name)}
        </text>
        <text class="note" x={10} y={31}>
          {spot.note}
        </text>
      </svg>
    </>
  );
  return (
    <a href={spot.href} tabIndex={-1}>
      {box}
    </a>
  );
}

function placeOf(row: number): number {
  return row * (NODE_HEIGHT + GAP);
}
