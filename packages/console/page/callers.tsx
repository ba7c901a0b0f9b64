import { useEffect, useState } from 'preact/hooks';
import type { CallerMethodView, CallerView, FleetView, InstanceView } from '../src/fleet/fleet-view.js';
import { emptyReason } from './map.js';
import { Health, isLate, Linked, Name, RateCells, RateHeads, RatesNote, Table } from './parts.js';
import { ask, query } from './server.js';
import { Overview } from './services.js';
import { count, ms, percent, plural, show } from './show.js';
import { WhyFailed } from './why-failed.js';

/** Everybody who calls. */
export function CallersPage({ view }: { view: FleetView }) {
  return (
    <>
      <h1 tabIndex={-1}>Callers</h1>
      <RatesNote view={view} />
      <p class="quiet">
        Their calls as servers count them, all clients of one name together. What failed is of the last five minutes, as
        the callers tell whose processes are servers with rpc.operator.
      </p>
      <Table label="Callers">
        <thead>
          <tr>
            <th scope="col">caller</th>
            <th scope="col">processes</th>
            <th scope="col">calls</th>
            <RateHeads />
            <th scope="col" class="number" title="calls that failed for it in the last five minutes, as it tells">
              failed, 5 min
            </th>
            <th scope="col" class="number" title="the worst of the last minute">
              loop late, 1 min
            </th>
          </tr>
        </thead>
        <tbody>
          {view.callers.map((caller) => (
            <tr key={caller.name}>
              <th scope="row">
                <Linked page="callers" name={caller.name} />
              </th>
              <td>{processesOf(caller)}</td>
              <td>
                <Name text={calledBy(view, caller.name).join(', ') || '–'} />
              </td>
              <RateCells value={caller.rate} />
              <td class="number">{caller.processes === 0 ? '?' : count(failuresOf(view, caller.name))}</td>
              <LoopCell instances={processInstances(view, caller)} />
            </tr>
          ))}
          {view.callers.length === 0 && (
            <tr>
              <td colSpan={9}>{emptyReason(view)}</td>
            </tr>
          )}
        </tbody>
      </Table>
    </>
  );
}

/** One caller: what it calls, how that goes, and whether it is at fault itself. */
export function CallerPage({ view, name }: { view: FleetView; name: string }) {
  const caller = view.callers.find((each) => each.name === name);
  if (caller === undefined) return <h1 tabIndex={-1}>{show(name)} has called nothing in the last minute</h1>;
  const idle = caller.opened.filter(({ hasCalled }) => !hasCalled);
  return (
    <>
      <h1 tabIndex={-1}>
        <Name text={name} />
      </h1>
      <p>
        A caller.{' '}
        {caller.processes === 0
          ? 'Its processes tell nothing of themselves: they are no servers with rpc.operator. What follows is what servers count.'
          : `Clients of this name are in ${plural(caller.processes, 'process', 'processes')}, counted together.`}
      </p>
      <Overview kind="caller" name={name} view={view} rate={caller.rate} />
      <p class="quiet">
        As its servers count them: the way to them, and what failed before it was sent, are not included.
      </p>
      {idle.length > 0 && (
        <p>
          Has open, but has not called: {idle.map(({ service }) => show(service)).join(', ')}. It follows the rules of
          these all the same.
        </p>
      )}
      <WhyFailed view={view} caller={name} />
      <Processes view={view} caller={caller} />
      <CallsNow view={view} name={name} />
      <CalledMethods name={name} at={Math.floor(view.at / 5_000)} />
      <Holds view={view} name={name} />
    </>
  );
}

/** What an instance calls itself: by the callers whose clients are in its process. */
export function CallsItMakes({ view, id }: { view: FleetView; id: string }) {
  const callers = view.callers.filter(({ instances }) => instances.includes(id));
  return (
    <>
      <h2>Calls that its process makes</h2>
      {callers.length === 0 ? (
        <p class="quiet">None is known: it has no client that has a service open, or it does not tell.</p>
      ) : (
        <>
          {callers.map((caller) => (
            <p key={caller.name}>
              As <Linked page="callers" name={caller.name} />
              {caller.processes > 1
                ? `, with ${plural(caller.processes - 1, 'other process', 'other processes')} of that name`
                : ''}
              : {calledBy(view, caller.name).map(show).join(', ') || 'nothing in the last minute'}
              {caller.opened.some(({ hasCalled }) => !hasCalled) &&
                `; open, not called: ${caller.opened.flatMap(({ service, hasCalled }) => (hasCalled ? [] : [show(service)])).join(', ')}`}
            </p>
          ))}
          <Edges view={view} names={callers.map(({ name }) => name)} label="Calls that its process makes" />
        </>
      )}
    </>
  );
}

function CallsNow({ view, name }: { view: FleetView; name: string }) {
  return (
    <>
      <h2>What it calls now, in the last {view.rateSeconds} seconds</h2>
      <Edges view={view} names={[name]} label="What it calls now" />
    </>
  );
}

/** The rates between callers and instances. */
function Edges({ view, names, label }: { view: FleetView; names: readonly string[]; label: string }) {
  const edges = view.edges.filter(({ caller }) => names.includes(caller));
  if (edges.length === 0) return <p class="quiet">Nothing in the last minute.</p>;
  return (
    <Table label={label}>
      <thead>
        <tr>
          {names.length > 1 && <th scope="col">caller</th>}
          <th scope="col">service</th>
          <th scope="col">instance</th>
          <RateHeads />
        </tr>
      </thead>
      <tbody>
        {edges.map((edge) => (
          <tr key={`${edge.caller} ${edge.service} ${edge.instance}`}>
            {names.length > 1 && (
              <td>
                <Linked page="callers" name={edge.caller} />
              </td>
            )}
            <th scope="row">
              <Linked page="services" name={edge.service} />
            </th>
            <td>
              <Linked page="instances" name={edge.instance} />
            </td>
            <RateCells value={edge.rate} />
          </tr>
        ))}
      </tbody>
    </Table>
  );
}

/** By method, of the last five minutes: these are asked for, because they are many. */
function CalledMethods({ name, at }: { name: string; at: number }) {
  const [past, setPast] = useState<{ methods: readonly CallerMethodView[]; seconds: number; isPartial: boolean }>();
  useEffect(() => {
    ask<NonNullable<typeof past>>(query('/api/caller', { name })).then(setPast, () => {});
  }, [name, at]);
  if (past === undefined) return null;
  return (
    <>
      <h2>What it has called in the last {Math.round(past.seconds / 60)} minutes, by method</h2>
      <Table label="What it has called, by method">
        <thead>
          <tr>
            <th scope="col">method</th>
            <th scope="col">instance</th>
            <th scope="col" class="number">
              calls
            </th>
            <th scope="col" class="number">
              failed
            </th>
            <th scope="col" class="number">
              p50
            </th>
            <th scope="col" class="number">
              p99
            </th>
          </tr>
        </thead>
        <tbody>
          {past.methods.map((row) => (
            <tr key={`${row.service} ${row.method} ${row.instance}`}>
              <th scope="row">
                <Name text={`${row.service}.${row.method}`} />
              </th>
              <td>
                <Linked page="instances" name={row.instance} />
              </td>
              <td class="number">{count(row.calls)}</td>
              <td class={`number ${row.errors > 0 ? 'bad-text' : ''}`}>
                {count(row.errors)} ({percent((100 * row.errors) / row.calls)})
              </td>
              <td class="number">{ms(row.p50)}</td>
              <td class="number">{ms(row.p99)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {past.isPartial && <p class="quiet">There are more callers than are kept: some calls are not among them.</p>}
    </>
  );
}

/** The processes of a caller, and whether one of them stands still. */
function Processes({ view, caller }: { view: FleetView; caller: CallerView }) {
  const own = processInstances(view, caller);
  if (own.length === 0) return null;
  return (
    <>
      <h2>Its processes</h2>
      <Table label="Its processes">
        <thead>
          <tr>
            <th scope="col">instance</th>
            <th scope="col">health</th>
            <th scope="col" class="number">
              event loop late, worst of the last second
            </th>
            <th scope="col" class="number">
              at worst in the last minute
            </th>
          </tr>
        </thead>
        <tbody>
          {own.map((instance) => (
            <tr key={instance.id}>
              <th scope="row">
                <Linked page="instances" name={instance.id} />
              </th>
              <td>
                <Health instance={instance} />
              </td>
              <td class="number">{ms(instance.loopLagMs)}</td>
              <LoopCell instances={[instance]} />
            </tr>
          ))}
        </tbody>
      </Table>
    </>
  );
}

/** What it has or had against instances in the last minute. */
function Holds({ view, name }: { view: FleetView; name: string }) {
  const held = view.instances.flatMap(({ id, opinions }) =>
    opinions.filter(({ client }) => client === name).map((opinion) => ({ id, ...opinion })),
  );
  return (
    <>
      <h2>What it has against instances, in the last minute</h2>
      {held.length === 0 ? (
        <p class="quiet">Nothing, as far as it tells.</p>
      ) : (
        <Table label="What it has against instances">
          <thead>
            <tr>
              <th scope="col">instance</th>
              <th scope="col">service</th>
              <th scope="col">told by</th>
              <th scope="col">when</th>
              <th scope="col">why</th>
            </tr>
          </thead>
          <tbody>
            {held.map(({ id, service, toldBy, isAvoided, secondsAgo, reasons }) => (
              <tr key={`${id} ${service} ${toldBy} ${isAvoided}`}>
                <th scope="row">
                  <Linked page="instances" name={id} />
                </th>
                <td>
                  <Linked page="services" name={service} />
                </td>
                <td>
                  <Linked page="instances" name={toldBy} />
                </td>
                <td class={isAvoided ? 'bad-text' : ''}>{secondsAgo === 0 ? 'now' : `${secondsAgo} s ago`}</td>
                <td>{reasons.map(show).join('; ')}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </>
  );
}

function LoopCell({ instances }: { instances: readonly InstanceView[] }) {
  const told = instances.flatMap(({ loopLagMs, loopLagWorstMs }) => loopLagWorstMs ?? loopLagMs ?? []);
  if (told.length === 0) return <td class="number">?</td>;
  const worst = Math.max(...told);
  return <td class={`number ${isLate(worst) ? 'bad-text' : ''}`}>{ms(worst)}</td>;
}

function processInstances(view: FleetView, { instances }: CallerView): InstanceView[] {
  return view.instances.filter(({ id }) => instances.includes(id));
}

function processesOf({ processes, instances }: CallerView) {
  if (processes === 0) return <span class="quiet">do not tell</span>;
  return <Name text={instances.join(', ')} />;
}

function calledBy(view: FleetView, name: string): string[] {
  return [...new Set(view.edges.flatMap(({ caller, service }) => (caller === name ? [service] : [])))];
}

function failuresOf(view: FleetView, name: string): number {
  return view.troubles.reduce(
    (sum, each) => sum + (each.caller === name && each.what === 'failed' ? each.count : 0),
    0,
  );
}
