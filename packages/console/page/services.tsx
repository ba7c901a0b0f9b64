import { useEffect, useState } from 'preact/hooks';
import type { FleetView } from '../src/fleet/fleet-view.js';
import type { Point } from '../src/traffic/traffic.js';
import { Chart, type Line } from './chart.js';
import { emptyReason } from './map.js';
import { Health, Linked, Name, RateCells, RateHeads, RatesNote, Table } from './parts.js';
import { ask, query } from './server.js';
import { ms, percent, rate, show, span } from './show.js';
import { WhyFailed } from './why-failed.js';

const CALLS: readonly Line[] = [
  { label: 'calls', colour: '--accent', value: (point) => point?.calls ?? 0 },
  { label: 'errors', colour: '--bad', dash: [6, 4], value: (point) => point?.errors ?? 0 },
];
const LATENCY: readonly Line[] = [
  { label: 'p50', colour: '--accent', value: (point) => point?.p50 ?? null },
  { label: 'p90', colour: '--second', dash: [8, 4], value: (point) => point?.p90 ?? null },
  { label: 'p99', colour: '--bad', dash: [3, 3], value: (point) => point?.p99 ?? null },
];

/** All services. */
export function ServicesPage({ view }: { view: FleetView }) {
  return (
    <>
      <h1 tabIndex={-1}>Services</h1>
      <RatesNote view={view} />
      <Table label="Services">
        <thead>
          <tr>
            <th scope="col">service</th>
            <th scope="col" class="number">
              instances
            </th>
            <RateHeads />
            <th scope="col">rules</th>
          </tr>
        </thead>
        <tbody>
          {view.services.map((service) => (
            <tr key={service.name}>
              <th scope="row">
                <Linked page="services" name={service.name} />
                {service.instances.length === 0 && <div class="quiet">gone: no instance of it is registered</div>}
              </th>
              <td class="number">{service.instances.length}</td>
              <RateCells value={service.rate} />
              <td>
                <a href={`#rules/${encodeURIComponent(service.name)}`}>{rulesOf(service)}</a>
              </td>
            </tr>
          ))}
          {view.services.length === 0 && (
            <tr>
              <td colSpan={7}>{emptyReason(view)}</td>
            </tr>
          )}
        </tbody>
      </Table>
    </>
  );
}

/** So many callers say beside an instance why they leave it alone; the page of the instance has all. */
const REASONS_SHOWN = 3;

/** Which rules are in force. */
function rulesOf({ rulesVersion }: FleetView['services'][number]): string {
  if (rulesVersion === undefined) return 'none';
  return rulesVersion === 0 ? 'not valid' : `version ${rulesVersion}`;
}

/** One service over time. */
export function ServicePage({ view, name }: { view: FleetView; name: string }) {
  const service = view.services.find((each) => each.name === name);
  if (service === undefined) return <h1 tabIndex={-1}>{show(name)} is not registered</h1>;
  const callers = view.edges.filter((edge) => edge.service === name);
  return (
    <>
      <h1 tabIndex={-1}>
        <Name text={name} />
      </h1>
      <Overview kind="service" name={name} view={view} rate={service.rate} />
      {Object.keys(service.codes).length > 0 && (
        <p>
          Errors a second:{' '}
          {Object.entries(service.codes)
            .map(([code, perSecond]) => `${code} ${rate(perSecond)}`)
            .join(', ')}
        </p>
      )}
      <p>
        <a href={`#rules/${encodeURIComponent(name)}`}>Rules: {rulesOf(service)}</a> ·{' '}
        {service.isDescribed === false ? (
          <span class="quiet">
            Its methods cannot be tried here: its servers do not describe them. Give createServer reflection: true, or
            use rpc call.
          </span>
        ) : (
          <a href={`#try/${encodeURIComponent(name)}`}>Try a call</a>
        )}
      </p>
      <WhyFailed view={view} service={name} />
      <h2>Methods</h2>
      <Table label="Methods">
        <thead>
          <tr>
            <th scope="col">method</th>
            <RateHeads />
          </tr>
        </thead>
        <tbody>
          {service.methods.map((method) => (
            <tr key={method.name}>
              <th scope="row">
                <Name text={method.name} />
              </th>
              <RateCells value={method.rate} />
            </tr>
          ))}
        </tbody>
      </Table>
      <h2>Instances</h2>
      <Table label="Instances">
        <thead>
          <tr>
            <th scope="col">instance</th>
            <th scope="col">health</th>
            <RateHeads />
          </tr>
        </thead>
        <tbody>
          {view.instances
            .filter(({ services }) => services.includes(name))
            .map((instance) => (
              <tr key={instance.id}>
                <th scope="row">
                  <Linked page="instances" name={instance.id} />
                </th>
                <td>
                  <Health instance={instance} />
                  {instance.opinions
                    .filter(({ service: its }) => its === name)
                    .slice(0, REASONS_SHOWN)
                    .map(({ client, toldBy, isAvoided, secondsAgo, reasons }) => (
                      <div class="quiet" key={`${toldBy} ${client} ${isAvoided}`}>
                        <Linked page="callers" name={client} />
                        {secondsAgo === 0 ? '' : `, ${secondsAgo} s ago`}: {reasons.map(show).join('; ')}
                      </div>
                    ))}
                </td>
                <RateCells value={instance.rate} />
              </tr>
            ))}
        </tbody>
      </Table>
      <h2>Callers</h2>
      <Table label="Callers">
        <thead>
          <tr>
            <th scope="col">caller</th>
            <th scope="col">instance</th>
            <RateHeads />
          </tr>
        </thead>
        <tbody>
          {callers.map((edge) => (
            <tr key={`${edge.caller} ${edge.instance}`}>
              <th scope="row">
                <Linked page="callers" name={edge.caller} />
              </th>
              <td>
                <Linked page="instances" name={edge.instance} />
              </td>
              <RateCells value={edge.rate} />
            </tr>
          ))}
        </tbody>
      </Table>
    </>
  );
}

/** Calls, errors and percentiles of a service or an instance over the last minutes. */
export function Overview(props: {
  kind: 'service' | 'instance' | 'caller';
  name: string;
  view: FleetView;
  rate: FleetView['services'][number]['rate'];
}) {
  const { kind, name, view } = props;
  const [past, setPast] = useState<{ second: number; points: readonly Point[] }>({ second: 0, points: [] });
  useEffect(() => {
    ask<typeof past>(query('/api/history', { kind, name })).then(setPast, () => {});
  }, [kind, name, view.at]);
  const { perSecond, errorPercent, last } = props.rate;
  const { p50, p90, p99 } = last ?? props.rate;
  return (
    <>
      <RatesNote view={view} />
      <dl class="figures">
        {[
          ['calls a second', rate(perSecond)],
          ['errors', percent(errorPercent)],
          ['p50', ms(p50)],
          ['p90', ms(p90)],
          ['p99', ms(p99)],
        ].map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {last !== undefined && (
        <p class="quiet">
          No calls now: the percentiles are those of the last ones, {span(last.secondsAgo * 1_000)} ago.
        </p>
      )}
      <div class="charts">
        <figure>
          <figcaption>Calls and errors a second</figcaption>
          <Chart
            label={`Calls a second over five minutes, now ${rate(perSecond)}, errors ${percent(errorPercent)}`}
            lines={CALLS}
            unit=""
            {...past}
          />
        </figure>
        <figure>
          <figcaption>How long they took</figcaption>
          <Chart
            label={`Latency over five minutes, ${last === undefined ? 'now' : 'last'} p50 ${ms(p50)}, p99 ${ms(p99)}`}
            lines={LATENCY}
            unit="ms"
            {...past}
          />
        </figure>
      </div>
    </>
  );
}
