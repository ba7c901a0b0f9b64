import { useState } from 'preact/hooks';
import type { FleetView, InstanceView } from '../src/fleet/fleet-view.js';
import { CallsItMakes } from './callers.js';
import { emptyReason } from './map.js';
import { Action, Health, isLate, Linked, Name, RateCells, RateHeads, RatesNote, Table } from './parts.js';
import { ask } from './server.js';
import { Overview } from './services.js';
import { count, ms, plural, rate, show, span } from './show.js';
import { WhyFailed } from './why-failed.js';

/** All instances. */
export function InstancesPage({ view }: { view: FleetView }) {
  return (
    <>
      <h1 tabIndex={-1}>Instances</h1>
      <RatesNote view={view} />
      <Table label="Instances">
        <thead>
          <tr>
            <th scope="col">instance</th>
            <th scope="col">health</th>
            <th scope="col">address</th>
            <th scope="col">services</th>
            <th scope="col">zone</th>
            <th scope="col">version</th>
            <th scope="col" class="number">
              weight
            </th>
            <th scope="col" class="number">
              running
            </th>
            <th scope="col" class="number" title="how late its event loop was: the worst of the last minute">
              loop late
            </th>
            <RateHeads />
          </tr>
        </thead>
        <tbody>
          {view.instances.map((instance) => (
            <tr key={instance.id}>
              <th scope="row">
                <Linked page="instances" name={instance.id} />
              </th>
              <td>
                <Health instance={instance} />
              </td>
              <td>
                <Name text={instance.address} />
              </td>
              <td>
                {instance.services.length === 0 ? (
                  <span class="quiet">none but for operators</span>
                ) : (
                  <Name text={instance.services.join(', ')} />
                )}
              </td>
              <td>
                <Name text={instance.zone ?? '–'} />
              </td>
              <td>
                <Name text={instance.version ?? '–'} />
              </td>
              <td class="number">{weightOf(instance)}</td>
              <td class="number">{instance.server?.calls.running ?? '–'}</td>
              <td class={`number ${isLate(instance.loopLagWorstMs) ? 'bad-text' : ''}`}>
                {ms(instance.loopLagWorstMs ?? instance.loopLagMs)}
              </td>
              <RateCells value={instance.rate} />
            </tr>
          ))}
          {view.instances.length === 0 && (
            <tr>
              <td colSpan={13}>{emptyReason(view)}</td>
            </tr>
          )}
        </tbody>
      </Table>
    </>
  );
}

/** One instance, and what can be done with it. */
export function InstancePage({ view, id, locked }: { view: FleetView; id: string; locked: string | undefined }) {
  const instance = view.instances.find((each) => each.id === id);
  const [weight, setWeight] = useState('');
  if (instance === undefined) return <h1 tabIndex={-1}>{show(id)} is not registered any more</h1>;
  const { server } = instance;
  const ruled = Object.entries(instance.ruledWeights);
  const facts: [string, string][] = [
    ['address', instance.address],
    ['services', instance.services.join(', ') || 'none but for operators'],
    ['zone', instance.zone ?? 'none'],
    ['version', instance.version ?? 'none'],
    ['up for', instance.startedAtMs === undefined ? 'unknown' : span(view.at - instance.startedAtMs)],
    [
      'weight',
      `${instance.weight}${ruled.length === 0 ? '' : `; by rules ${ruled.map(([service, each]) => `${each} (${service})`).join(', ')}`}`,
    ],
    ...(server === undefined
      ? []
      : ([
          ['connections', count(server.connections)],
          ['calls that run', count(server.calls.running)],
          ['calls that wait', count(server.calls.waiting)],
          [
            'calls since its start',
            `to it, as it counts them: ${count(server.calls.succeeded)} well, ${count(server.calls.late ?? 0)} too late for their callers, ${count(server.calls.failed)} failed here, ${count(server.calls.refused)} refused`,
          ],
          ['of probes and tools, not among these', count(server.calls.builtIn ?? 0)],
          [
            'its event loop is late by',
            `${ms(instance.loopLagMs)}${instance.loopLagWorstMs === undefined ? '' : `; at worst ${ms(instance.loopLagWorstMs)} in the last minute`}`,
          ],
          [
            'in the registry',
            server.registry.error === undefined
              ? server.registry.status
              : `${server.registry.status}: ${server.registry.error}`,
          ],
        ] as [string, string][])),
  ];
  const weigh = async (value: number | null) => {
    const { changes } = await ask<{ changes: { service: string; version?: number }[] }>('/api/weight', {
      instance: id,
      weight: value,
    });
    return changes
      .map(({ service, version }) => `${service}: ${version === undefined ? 'as before' : `rules version ${version}`}`)
      .join(', ');
  };
  return (
    <>
      <h1 tabIndex={-1}>
        <Name text={id} />
      </h1>
      <p>
        <Health instance={instance} /> {instance.reason === undefined ? '' : show(instance.reason)}
      </p>
      <Overview kind="instance" name={id} view={view} rate={instance.rate} />
      <dl class="facts">
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{show(value)}</dd>
          </div>
        ))}
      </dl>
      <WhyFailed view={view} endpoint={instance.address} />
      {server !== undefined && <Limits server={server} />}
      <Against instance={instance} view={view} />
      <h2>Change it</h2>
      {locked !== undefined && <p class="quiet">Locked: {locked}.</p>}
      <div class="controls">
        <label>
          Weight
          <input
            type="number"
            min="0"
            max="10000"
            value={weight}
            placeholder={String(instance.weight)}
            onInput={(event) => setWeight(event.currentTarget.value)}
          />
        </label>
        <Action
          label="Set weight"
          confirm={`Yes, ${weight || 0} for all its callers`}
          disabled={locked ?? (weight === '' ? 'type a weight' : undefined)}
          run={() => weigh(Number(weight))}
        />
        {ruled.length > 0 && (
          <Action label="Reset weight" confirm="Yes, its own weight" disabled={locked} run={() => weigh(null)} />
        )}
        <Action
          label="Drain"
          confirm="Yes, stop it for good"
          question={drainQuestion(view, instance)}
          disabled={locked}
          run={async () => {
            await ask('/api/drain', { instance: id });
            return 'it drains: it takes no new calls, finishes what runs, and closes';
          }}
        />
        {instance.services.length > 0 && (
          <Action
            label="Take its calls away"
            confirm="Yes, weight 0 for all its callers"
            question="It gets no calls unless all others are gone, and goes on running. Reset weight takes it back."
            disabled={locked}
            run={() => weigh(0)}
          />
        )}
      </div>
      <p class="quiet">
        Drain cannot be undone from here: the server ends, and with it, as a rule, its process. Take its calls away sets
        its weight to 0 by rules, which Reset weight undoes.
      </p>
      <CallsItMakes view={view} id={id} />
    </>
  );
}

/** What a drain means, before anybody presses again: there is no way back. */
function drainQuestion(view: FleetView, { id, services }: InstanceView): string {
  const left = services.map((service) => {
    const others = view.instances.filter((each) => each.id !== id && each.services.includes(service));
    const well = others.filter(({ state, server }) => state === 'up' && server?.status !== 'draining');
    const takers = plural(well.length, 'other instance takes', 'other instances take');
    return well.length === 0
      ? `nobody else serves ${service}: its calls will fail`
      : `${takers} its calls of ${service}`;
  });
  const after = left.length === 0 ? '' : ` ${left.join('; ')}.`;
  return `${id} takes no new calls, ends those that run, and closes; then its process usually ends. Nothing on this page brings it back: whatever runs it must start it again.${after}`;
}

/** What callers have or had against it in the last minute, and how many calls that leaves it. */
function Against({ instance, view }: { instance: InstanceView; view: FleetView }) {
  return (
    <>
      <h2>What its callers have against it</h2>
      <p class="quiet">
        In the last minute, as callers tell whose processes are servers with rpc.operator. Others may avoid it too.
      </p>
      {instance.opinions.length === 0 ? (
        <p class="quiet">Nothing.</p>
      ) : (
        <Table label="What its callers have against it">
          <thead>
            <tr>
              <th scope="col">caller</th>
              <th scope="col">service</th>
              <th scope="col">calls</th>
              <th scope="col" class="number">
                calls/s, and to each peer
              </th>
              <th scope="col">why</th>
            </tr>
          </thead>
          <tbody>
            {instance.opinions.map((opinion) => (
              <tr key={`${opinion.toldBy} ${opinion.client} ${opinion.service} ${opinion.isAvoided}`}>
                <th scope="row">
                  <Linked page="callers" name={opinion.client} />
                  {opinion.toldBy === opinion.client ? '' : ` (${show(opinion.toldBy)})`}
                </th>
                <td>
                  <Name text={opinion.service} />
                </td>
                <td class={opinion.isAvoided ? 'bad-text' : ''}>{treatment(opinion)}</td>
                <td class="number">{shareOf(view, instance.id, opinion)}</td>
                <td>{opinion.reasons.map(show).join('; ')}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </>
  );
}

function treatment({ isAvoided, secondsAgo }: InstanceView['opinions'][number]): string {
  if (secondsAgo === 0) return isAvoided ? 'goes elsewhere' : 'still calls it';
  return `${isAvoided ? 'went elsewhere' : 'had this against it'} ${secondsAgo} s ago`;
}

/** What the caller sends to it, and on average to each of the others: by what its server counts, in the last seconds. */
function shareOf(view: FleetView, id: string, { client, service }: InstanceView['opinions'][number]): string {
  const edges = view.edges.filter((edge) => edge.caller === client && edge.service === service);
  const others = (view.services.find(({ name }) => name === service)?.instances.length ?? 1) - 1;
  let [its, rest] = [0, 0];
  for (const edge of edges)
    if (edge.instance === id) its += edge.rate.perSecond;
    else rest += edge.rate.perSecond;
  return others === 0 ? rate(its) : `${rate(its)}, ${rate(rest / others)}`;
}

/** The limits of a server that are in force, who has said them, and how much of them is in use. */
function Limits({ server }: { server: NonNullable<InstanceView['server']> }) {
  // A server of an older version does not tell all of them.
  const { limits = [], rates = [], callerLimits = [] } = server as Partial<typeof server>;
  const rows: [key: string, what: string, limit: string, use: string, from: LimitSource | undefined][] = [
    ...limits.flatMap(({ what, max, queue, running, waiting, from }): typeof rows => [
      [
        `at once ${what}`,
        what,
        max === undefined ? 'any number at once' : `${count(max)} at once, ${count(queue)} may wait`,
        `${count(running)} run, ${count(waiting)} wait`,
        from,
      ],
    ]),
    ...rates.map(({ what, perCaller, perSecond, burst, from }): (typeof rows)[number] => [
      `rate ${what} ${perCaller}`,
      what,
      `${perSecond} a second${perCaller ? ' for each caller' : ''}, ${count(burst)} at once after a pause`,
      '–',
      from,
    ]),
    ...callerLimits.map(({ what, max, callers, from }): (typeof rows)[number] => [
      `caller ${what}`,
      what,
      `${count(max)} at once for each caller`,
      `${count(callers)} callers have calls`,
      from,
    ]),
  ];
  return (
    <>
      <h2>Its limits</h2>
      <Table label="Its limits">
        <thead>
          <tr>
            <th scope="col">of</th>
            <th scope="col">limit</th>
            <th scope="col">in use</th>
            <th scope="col">said by</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([key, what, limit, use, from]) => (
            <tr key={key}>
              <th scope="row">
                <Name text={what} />
              </th>
              <td>{limit}</td>
              <td>{use}</td>
              <td>
                {typeof from === 'object' ? `rules of ${show(from.service)}, version ${from.version}` : 'its options'}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </>
  );
}

type LimitSource = NonNullable<InstanceView['server']>['limits'][number]['from'];

function weightOf({ weight, ruledWeights }: InstanceView): string {
  const ruled = [...new Set(Object.values(ruledWeights))];
  return ruled.length === 0 ? String(weight) : `${weight} → ${ruled.join(', ')}`;
}
