import type { FleetView } from '../src/fleet/fleet-view.js';
import type { Trouble } from '../src/traffic/troubles.js';
import { Linked, Name, Table } from './parts.js';
import { count, plural, show } from './show.js';

const ROWS_SHOWN = 30;

/** What took the time of a call, in words. */
const CULPRITS: Readonly<Record<NonNullable<Trouble['culprit']>, string>> = {
  loop: 'the event loop of the caller, busy with something else',
  layers: 'the layers of the caller',
  metadata: 'the metadata function of the caller',
  limits: 'a limit or a rule of the caller',
  registry: 'the registry, which named no instance',
  connection: 'no connection to it',
  network: 'the network to it, or its process stands still',
  process: 'its process stood still: others at its host answered meanwhile',
  queue: 'its queue, or it let no more in',
  handler: 'its handler, or what it called: too slow',
  downstream: 'a call that its handler waited for',
  server: 'it, or the network to it: no answer came',
  retry: 'the waits between attempts',
  fault: 'a fault made on purpose',
};

/** Why calls of a service, of a caller, or those that an instance had, have failed in the last minutes; what was refused, and what was done about it. */
export function WhyFailed({
  view,
  service,
  endpoint,
  caller,
}: {
  view: FleetView;
  service?: string;
  endpoint?: string;
  caller?: string;
}) {
  const own = view.troubles.filter(
    (each) =>
      each.what !== 'would' &&
      (service === undefined || each.service === service) &&
      (endpoint === undefined || each.endpoint === endpoint) &&
      (caller === undefined || each.caller === caller),
  );
  const sum = (what: Trouble['what']) => own.reduce((all, each) => all + (each.what === what ? each.count : 0), 0);
  const rows = own.filter(({ what }) => what === 'failed' || what === 'refused');
  const waited = sum('waited');
  return (
    <>
      <h2>Why calls failed, in the last five minutes</h2>
      {own.length === 0 ? (
        <p class="quiet">None, of those callers whose processes tell; and nothing was refused, repeated or hedged.</p>
      ) : (
        <p>
          {caller === undefined ? 'Callers count' : 'It counts'} {plural(sum('failed'), 'call')} failed,{' '}
          {plural(sum('retried'), 'attempt')} repeated, {plural(sum('hedged'), 'call')} sent a second time for being
          slow; servers have refused {plural(sum('refused'), 'call')}
          {waited === 0 ? '' : `; ${plural(waited, 'call')} waited for a limit of the client`}.{' '}
          <span class="quiet">
            Only callers tell why whose processes are servers with rpc.operator; a call that was late for its caller may
            have gone well for its server.
          </span>
        </p>
      )}
      {rows.length > 0 && (
        <Table label="Why calls failed">
          <thead>
            <tr>
              <th scope="col" class="number">
                calls
              </th>
              <th scope="col">at fault, or what refused them</th>
              <th scope="col">code</th>
              {endpoint === undefined && <th scope="col">instance</th>}
              {caller === undefined && <th scope="col">caller</th>}
              <th scope="col">method</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, ROWS_SHOWN).map((row) => (
              <tr key={JSON.stringify({ ...row, count: 0 })}>
                <td class="number">{count(row.count)}</td>
                <td class="text">{reasonOf(row)}</td>
                <td>{row.what === 'refused' ? '–' : show(row.code ?? '')}</td>
                {endpoint === undefined && (
                  <td>
                    <Where view={view} endpoint={row.endpoint} />
                  </td>
                )}
                {caller === undefined && (
                  <td>
                    <Linked page="callers" name={row.caller} />
                  </td>
                )}
                <td>
                  <Name text={service === undefined ? `${row.service}.${row.method}` : row.method || '(others)'} />
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
      {rows.length > ROWS_SHOWN && (
        <p class="quiet">{plural(rows.length - ROWS_SHOWN, 'rarer one is', 'rarer ones are')} not shown.</p>
      )}
    </>
  );
}

function reasonOf({ what, code, culprit, downstream, by, rule }: Trouble): string {
  if (by !== undefined) return `${what === 'refused' ? 'the server' : 'the caller'}: ${show(by)}`;
  const limit = rule === 'timeout' ? '; its time was set by a rule' : '';
  if (culprit === 'downstream' && downstream !== undefined) {
    const { service, method, instance } = downstream;
    const where = instance === undefined ? '' : ` at ${show(instance)}`;
    return `${show(`${service}.${method}`)}${where}, which its handler waited for${limit}`;
  }
  if (culprit !== undefined) return `${CULPRITS[culprit] ?? show(culprit)}${limit}`;
  if (code === 'CANCELLED') return 'its caller gave it up: nobody wanted the answer any more';
  if (code === 'DEADLINE_EXCEEDED') return 'its handler says that a call of its own was late';
  return 'its handler has answered so';
}

function Where({ view, endpoint }: { view: FleetView; endpoint: string }) {
  if (endpoint === '') return <span class="quiet">none</span>;
  const instance = view.instances.find(({ address }) => address === endpoint);
  return instance === undefined ? <Name text={endpoint} /> : <Linked page="instances" name={instance.id} />;
}
