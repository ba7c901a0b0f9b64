import { useEffect, useState } from 'preact/hooks';
import type { FleetView } from '../src/fleet/fleet-view.js';
import type { RuleEffect } from '../src/http/rule-effects.js';
import type { RulePreview } from '../src/preview/preview-rules.js';
import type { RulesFollower } from '../src/rules/reports-of-rules.js';
import { Action, Linked, ServicePicker, Table } from './parts.js';
import { ask, query } from './server.js';
import { count, percent, plural, show, span } from './show.js';

interface Rules {
  readonly version: number;
  readonly text?: string;
  readonly problem?: string;
  readonly effects: readonly RuleEffect[];
  readonly effectSeconds: number;
  readonly setAt?: number;
  readonly history: readonly {
    version: number;
    summary: string;
    comment?: string;
    set?: string;
    difference: readonly string[];
  }[];
  readonly reports: readonly RulesFollower[];
  /** How many are not named, and which end they are, because no rule is for that end. */
  readonly unconcerned: { readonly side?: string; readonly count: number };
}

interface Preview {
  readonly problem?: string;
  readonly rows?: readonly RulePreview[];
  readonly calls?: number;
  readonly seconds?: number;
  readonly isPartial?: boolean;
  readonly difference?: readonly string[];
}

const EMPTY = '{\n  "schemaVersion": 1\n}';
const TYPING_MS = 300;

/** The rules of a service: what is in force, another document and what it would mean, and the ones before. */
export function RulesPage({
  view,
  name,
  locked,
}: {
  view: FleetView;
  name: string | undefined;
  locked: string | undefined;
}) {
  // Who comes without a name wants to see rules that are in force.
  const ruled = view.services.find(({ rulesVersion }) => rulesVersion !== undefined);
  const service = name ?? (ruled ?? view.services[0])?.name;
  return (
    <>
      <h1 tabIndex={-1}>Rules</h1>
      <ServicePicker view={view} service={service} page="rules" />
      {service === undefined ? (
        <p>Nothing is registered here.</p>
      ) : (
        <RulesOf view={view} service={service} locked={locked} key={service} />
      )}
    </>
  );
}

function RulesOf({ view, service, locked }: { view: FleetView; service: string; locked: string | undefined }) {
  const [rules, setRules] = useState<Rules>();
  const [trouble, setTrouble] = useState<string>();
  const [text, setText] = useState<string>();
  const [base, setBase] = useState(0);
  const version = view.services.find((each) => each.name === service)?.rulesVersion ?? 0;
  const load = () =>
    ask<Rules>(query('/api/rules', { service })).then(
      (found) => {
        setRules(found);
        setTrouble(undefined);
        return found;
      },
      (error: Error) => void setTrouble(error.message),
    );
  const edit = (found: Rules) => {
    setText(found.text ?? EMPTY);
    setBase(found.version);
  };
  useEffect(
    () => void load().then((found) => found && text === undefined && edit(found)),
    [version, Math.floor(view.at / 5_000)],
  );
  if (trouble !== undefined && rules === undefined) return <p class="trouble">{show(trouble)}</p>;
  if (rules === undefined || text === undefined) return <p role="status">Loading</p>;
  const isOld = base !== rules.version;
  const said = rules.history.find((each) => each.version === rules.version);
  return (
    <>
      <p>
        {rules.version === 0 ? 'No rules are in force.' : `Version ${rules.version} is in force.`}
        {said !== undefined && rules.problem === undefined && (
          <>
            {' '}
            {show(said.summary)}. Set {said.set === undefined ? 'at an unknown time' : show(said.set)}.{' '}
            <span class="quiet">{show(said.comment ?? '')}</span>
          </>
        )}
        {rules.problem !== undefined && <span class="bad-text"> It is not valid: {show(rules.problem)}</span>}
      </p>
      <Effects view={view} service={service} rules={rules} />
      <div class="split">
        <section aria-labelledby="document">
          <h2 id="document">The document</h2>
          <label class="unseen" for="text">
            The document as JSON
          </label>
          <textarea
            id="text"
            spellcheck={false}
            rows={18}
            value={text}
            aria-describedby="verdict"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          {isOld && (
            <p class="trouble" role="status">
              Somebody has set version {rules.version} since this was begun from{' '}
              {base === 0 ? 'none' : `version ${base}`}.{' '}
              <button type="button" onClick={() => edit(rules)}>
                Take the new one
              </button>
            </p>
          )}
          {locked !== undefined && <p class="quiet">Locked: {locked}.</p>}
          <Action
            label="Set rules"
            confirm="Yes, for all clients"
            disabled={locked}
            run={async () => {
              const { version: set } = await ask<{ version: number }>('/api/rules/set', {
                service,
                text,
                expectedVersion: base,
              });
              const found = await load();
              if (found) edit(found);
              return `version ${set} is set`;
            }}
          />{' '}
          <button type="button" onClick={() => edit(rules)}>
            Back to what is in force
          </button>
        </section>
        <section aria-labelledby="meaning">
          <h2 id="meaning">What it would mean</h2>
          <PreviewOf service={service} text={text} at={Math.floor(view.at / 5_000)} />
        </section>
      </div>
      <h2>Who has it</h2>
      <Reports rules={rules} />
      <h2>History</h2>
      <History
        rules={rules}
        locked={locked}
        service={service}
        onDone={() => void load().then((found) => found && edit(found))}
      />
    </>
  );
}

/** What the rules in force have done to calls. */
function Effects({ view, service, rules }: { view: FleetView; service: string; rules: Rules }) {
  const { effects, effectSeconds, setAt } = rules;
  const isNew = setAt !== undefined && view.at - setAt < effectSeconds * 1_000;
  if (effects.length === 0) return null;
  const silent = view.callers.filter(({ name, processes }) => {
    return processes === 0 && view.edges.some((edge) => edge.caller === name && edge.service === service);
  });
  return (
    <>
      <h2>What the rules in force did in the last {Math.round(effectSeconds / 60)} minutes</h2>
      <Table label="What the rules in force did">
        <thead>
          <tr>
            <th scope="col">rule</th>
            <th scope="col">what it did</th>
          </tr>
        </thead>
        <tbody>
          {effects.map(({ policy, says, did, scope }) => (
            <tr key={policy}>
              <th scope="row" class="text">
                {show(says)}
                {scope !== undefined && <div class="quiet">{scope}</div>}
              </th>
              <td class="text">{show(did)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      <p class="quiet">
        {isNew && `They were set ${span(view.at - setAt)} ago: what came before is among these. `}
        As clients tell whose processes are servers with rpc.operator, and as servers tell, while this console ran.
        {silent.length > 0 ? ` These callers tell nothing: ${silent.map(({ name }) => show(name)).join(', ')}.` : ''}
      </p>
    </>
  );
}

function PreviewOf({ service, text, at }: { service: string; text: string; at: number }) {
  const [preview, setPreview] = useState<Preview>({});
  useEffect(() => {
    let isOver = false;
    const timer = setTimeout(() => {
      ask<Preview>('/api/preview', { service, text }).then(
        (found) => !isOver && setPreview(found),
        (error: Error) => !isOver && setPreview({ problem: error.message }),
      );
    }, TYPING_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [service, text, at]);
  if (preview.problem !== undefined)
    return (
      <p id="verdict" class="bad-text" role="status">
        Not valid: {show(preview.problem)}
      </p>
    );
  if (preview.rows === undefined) return <p role="status">Looking</p>;
  const { rows, calls = 0, seconds = 0, isPartial, difference = [] } = preview;
  return (
    <>
      <p id="verdict" role="status">
        Valid.{' '}
        {difference.length === 0
          ? rows.length === 0
            ? 'It has no rules, and none are in force.'
            : 'It is in force already: setting it changes nothing.'
          : `${plural(difference.length, 'value differs', 'values differ')} from what is in force.`}
      </p>
      <ul class="difference">
        {difference.slice(0, 50).map((line) => (
          <li key={line}>
            <code>{show(line)}</code>
          </li>
        ))}
      </ul>
      <Table label={`Of ${count(calls)} calls in the last ${Math.round(seconds / 60)} minutes`}>
        <thead>
          <tr>
            <th scope="col">rule</th>
            <th scope="col" class="number">
              calls of its clients
            </th>
            <th scope="col" class="number">
              would change
            </th>
            <th scope="col">which</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.policy}>
              <th scope="row">
                {row.policy} <span class="quiet">{row.mode}</span>
              </th>
              <td class="number">{count(row.calls)}</td>
              <td class="number">{row.isInForce ? 'nothing' : affectedOf(row)}</td>
              <td>
                {row.isInForce ? (
                  'It is in force already, just as it stands here: setting it changes nothing.'
                ) : (
                  <>
                    {row.meaning}
                    <span class="quiet"> {namesOf(row.methods)}</span>
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      <p class="quiet">
        Of {count(calls)} calls in the last {Math.round(seconds / 60)} minutes, as the servers counted them while this
        console ran.
        {isPartial ? ' There are more callers than are kept: some calls are not among them.' : ''}
      </p>
    </>
  );
}

function affectedOf({ affected, calls, isAtMost }: RulePreview): string {
  if (affected === undefined) return '?';
  return `${isAtMost && affected > 0 ? 'at most ' : ''}${count(affected)} (${percent(calls === 0 ? 0 : (100 * affected) / calls)})`;
}

function namesOf(counts: Readonly<Record<string, number>>): string {
  const most = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return most
    .slice(0, 5)
    .map(([name, some]) => `${show(name)} ${count(some)}`)
    .join(', ');
}

function Reports({ rules: { reports, unconcerned } }: { rules: Rules }) {
  const { side = '', count: left } = unconcerned;
  const others =
    left === 0 ? undefined : (
      <p class="quiet">
        {count(left)} {left === 1 ? side : `${side}s`} left out: none of these rules is for {side}s.
      </p>
    );
  if (reports.length === 0)
    return others ?? <p class="quiet">No client has reported: there are no rules, or no client follows them.</p>;
  return (
    <>
      <Table label="Who has it">
        <thead>
          <tr>
            <th scope="col">who</th>
            <th scope="col">side</th>
            <th scope="col">status</th>
            <th scope="col" class="number">
              in force
            </th>
            <th scope="col">follows</th>
            <th scope="col">why not</th>
          </tr>
        </thead>
        <tbody>
          {reports.map((report) => (
            <tr
              key={`${report.side} ${report.name} ${report.status} ${report.version} ${report.inForce} ${report.reason}`}
            >
              <th scope="row">
                {report.side === 'client' ? (
                  <Linked page="callers" name={report.name} />
                ) : (
                  <Linked page="instances" name={report.name} />
                )}
                {report.processes > 1 && ` (${report.processes} processes)`}
                {report.hasCalled === false && <div class="quiet">has it open, has not called it</div>}
              </th>
              <td>{report.side}</td>
              <td class={report.status === 'rejected' ? 'bad-text' : ''}>{report.status}</td>
              <td class="number">{report.inForce === undefined ? 'none' : `version ${report.inForce}`}</td>
              <td class="text">{report.follows.map(show).join('; ') || 'nothing'}</td>
              <td class="text">{show(report.reason ?? '')}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {others}
    </>
  );
}

function History(props: { rules: Rules; service: string; locked: string | undefined; onDone: () => void }) {
  const { rules, service, locked, onDone } = props;
  if (rules.history.length === 0) return <p class="quiet">There never were rules.</p>;
  return (
    <ol class="history">
      {rules.history.map(({ version, summary, comment, set, difference }) => (
        <li key={version}>
          <details>
            <summary>
              <strong>version {version}</strong> {version === rules.version && <span class="badge good">in force</span>}{' '}
              {show(summary)}
              {set !== undefined && <span class="quiet"> {show(set)}</span>}
              {comment !== undefined && <span class="quiet"> {show(comment)}</span>}
            </summary>
            <ul class="difference">
              {difference.map((line) => (
                <li key={line}>
                  <code>{show(line)}</code>
                </li>
              ))}
            </ul>
          </details>
          {version !== rules.version && (
            <Action
              label={`Back to ${version}`}
              confirm="Yes, for all clients"
              disabled={locked}
              run={async () => {
                const done = await ask<{ version: number }>('/api/rules/rollback', {
                  service,
                  version,
                  expectedVersion: rules.version,
                });
                onDone();
                return `set anew as version ${done.version}`;
              }}
            />
          )}
        </li>
      ))}
    </ol>
  );
}
