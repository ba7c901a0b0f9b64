import { useEffect, useRef, useState } from 'preact/hooks';
import type { FleetView } from '../src/fleet/fleet-view.js';
import { ServicePicker } from './parts.js';
import { ask, askLines, query } from './server.js';
import { count, ms, plural, show } from './show.js';

interface Method {
  readonly name: string;
  readonly kind: string;
  readonly idempotent: boolean;
  readonly args?: object;
  readonly returns?: object;
}

interface Answer {
  readonly result?: string;
  readonly error?: string;
  /** How a stream has ended that did not fail, and how many items it had. */
  readonly end?: string;
  readonly items?: number;
  readonly ms: number;
  readonly instance: string;
}

type Line = { readonly item: string } | Answer;

/** How many items of a stream are on the page. */
const ITEMS_SHOWN = 200;
/** How many are sent. */
const SENT_MAX = 1_000;

/** Calls a method of which nothing is known but what its server says. */
export function TryPage({
  view,
  name,
  locked,
}: {
  view: FleetView;
  name: string | undefined;
  locked: string | undefined;
}) {
  const service = name ?? view.services[0]?.name;
  return (
    <>
      <h1 tabIndex={-1}>Try a call</h1>
      <ServicePicker view={view} service={service} page="try" />
      {service === undefined ? (
        <p>Nothing is registered here.</p>
      ) : (
        <TryService view={view} service={service} locked={locked} key={service} />
      )}
    </>
  );
}

function TryService({ view, service, locked }: { view: FleetView; service: string; locked: string | undefined }) {
  const [methods, setMethods] = useState<readonly Method[]>();
  const [trouble, setTrouble] = useState<string>();
  const [method, setMethod] = useState<Method>();
  const [args, setArgs] = useState('[]');
  const [sent, setSent] = useState('');
  const [instance, setInstance] = useState('');
  const [answer, setAnswer] = useState<Answer | { failed: string }>();
  const [items, setItems] = useState<readonly string[]>();
  const running = useRef<AbortController | undefined>(undefined);
  const [isRunning, setRunning] = useState(false);
  const pick = (next: Method | undefined) => {
    setMethod(next);
    setArgs(JSON.stringify(exampleOf(next?.args, 0) ?? [], undefined, 2));
    setAnswer(undefined);
    setItems(undefined);
    running.current?.abort();
  };
  useEffect(() => () => running.current?.abort(), []);
  const isDescribed = view.services.find((each) => each.name === service)?.isDescribed;
  useEffect(() => {
    if (isDescribed === false) return;
    ask<{ methods: readonly Method[] }>(query('/api/describe', { service })).then(
      (found) => {
        setMethods(found.methods);
        pick(found.methods[0]);
      },
      (error: Error) => setTrouble(error.message),
    );
  }, [isDescribed === false]);
  if (isDescribed === false)
    return (
      <p class="trouble">
        The methods of {show(service)} cannot be tried here: none of its servers describes them. Give createServer
        reflection: true, or call one where its arguments are known: rpc call {show(service)}.METHOD ARGUMENTS
      </p>
    );
  if (trouble !== undefined)
    return (
      <p class="trouble">
        {show(service)} does not describe itself ({show(trouble)}): give its createServer reflection: true, or use rpc
        call.
      </p>
    );
  if (methods === undefined || method === undefined) return <p role="status">Loading</p>;
  const takesItems = method.kind === 'upload' || method.kind === 'duplex';
  const isStream = takesItems || method.kind === 'stream';
  const receive = async (body: object) => {
    const own = new AbortController();
    running.current = own;
    let shown: readonly string[] = [];
    if (method.kind !== 'upload') setItems(shown);
    try {
      const onLine = (line: Line) => {
        if (own.signal.aborted) return;
        if (!('item' in line)) return setAnswer(line);
        shown = [...shown, line.item].slice(-ITEMS_SHOWN);
        setItems(shown);
      };
      await askLines<Line>('/api/call', { ...body, kind: method.kind }, { signal: own.signal, onLine });
    } catch (error) {
      if (!own.signal.aborted) throw error;
    }
  };
  const send = async () => {
    setAnswer(undefined);
    setRunning(true);
    try {
      const body = {
        service,
        method: method.name,
        args: parsed(args, 'the arguments'),
        ...(takesItems ? { items: itemsOf(sent) } : {}),
        ...(instance === '' ? {} : { instance }),
      };
      if (isStream) await receive(body);
      else setAnswer(await ask<Answer>('/api/call', body));
    } catch (error) {
      setAnswer({ failed: (error as Error).message });
    } finally {
      setRunning(false);
    }
  };
  return (
    <form
      class="try"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="controls">
        <label>
          Method
          <select
            value={method.name}
            onChange={(event) => pick(methods.find((each) => each.name === event.currentTarget.value))}
          >
            {methods.map((each) => (
              <option value={each.name} key={each.name}>
                {show(each.name)} ({each.kind})
              </option>
            ))}
          </select>
        </label>
        <label>
          Instance
          <select value={instance} onChange={(event) => setInstance(event.currentTarget.value)}>
            <option value="">any that is up</option>
            {view.instances
              .filter(({ services }) => services.includes(service))
              .map(({ id }) => (
                <option value={id} key={id}>
                  {show(id)}
                </option>
              ))}
          </select>
        </label>
      </div>
      <label for="args">Arguments, a JSON array</label>
      <textarea
        id="args"
        spellcheck={false}
        rows={6}
        value={args}
        onInput={(event) => setArgs(event.currentTarget.value)}
      />
      {method.args !== undefined && (
        <details>
          <summary>Their JSON Schema</summary>
          <pre>{show(JSON.stringify(method.args, undefined, 2)).replaceAll('\\u000a', '\n')}</pre>
        </details>
      )}
      {takesItems && (
        <>
          <label for="sent">Items to send, each a line of JSON</label>
          <textarea
            id="sent"
            spellcheck={false}
            rows={6}
            value={sent}
            placeholder={'{"id": 1}\n{"id": 2}'}
            onInput={(event) => setSent(event.currentTarget.value)}
          />
        </>
      )}
      {!method.idempotent && (
        <p class="quiet">{show(method.name)} is not marked idempotent: it may change something.</p>
      )}
      {locked !== undefined && <p class="quiet">Locked: {locked}.</p>}
      <div class="controls">
        <button type="submit" disabled={locked !== undefined || isRunning}>
          Call
        </button>
        {isStream && (
          <button type="button" disabled={!isRunning} onClick={() => running.current?.abort()}>
            Stop
          </button>
        )}
      </div>
      {items !== undefined && <Items items={items} isRunning={isRunning} />}
      <div aria-live="polite">
        {answer !== undefined &&
          ('failed' in answer ? (
            <p class="bad-text">{show(answer.failed)}</p>
          ) : (
            <>
              <p class={answer.error === undefined ? '' : 'bad-text'}>
                {show(answer.instance)} answered in {ms(answer.ms)}
                {answer.items === undefined ? '' : `, ${plural(answer.items, 'item')}`}
                {answer.error === undefined ? '' : `: ${show(answer.error)}`}
                {answer.end === undefined ? '' : `: ${answer.end}`}
              </p>
              {answer.result !== undefined && <pre>{answer.result.split('\n').map(show).join('\n')}</pre>}
            </>
          ))}
      </div>
    </form>
  );
}

/** @throws Error that says which text is no JSON */
function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`);
  }
}

/** What is to be sent: a line each, empty ones left out. @throws Error that says in which line something is wrong */
function itemsOf(text: string): unknown[] {
  const lines = text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [[line, index + 1] as const]));
  if (lines.length > SENT_MAX) throw new Error(`at most ${count(SENT_MAX)} items are sent from here: use rpc call`);
  return lines.map(([line, number]) => parsed(line, `line ${number} of the items`));
}

/** The items of a stream that came last. */
function Items({ items, isRunning }: { items: readonly string[]; isRunning: boolean }) {
  return (
    <section aria-label="Items">
      <p class="quiet" role="status">
        {isRunning ? 'It runs' : 'It has stopped'}; the last {plural(items.length, 'item')}, the newest first:
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys. */}
      <pre class="items" tabIndex={0}>
        {items
          .toReversed()
          .map((item) => item.split('\n').map(show).join('\n'))
          .join('\n')}
      </pre>
    </section>
  );
}

const DEPTH_MAX = 5;

/** Something that fits a JSON Schema by its shape, to begin with. */
function exampleOf(schema: unknown, depth: number): unknown {
  if (typeof schema !== 'object' || schema === null || depth > DEPTH_MAX) return null;
  const {
    type,
    prefixItems,
    properties,
    required,
    enum: values,
    anyOf,
    const: only,
    default: usual,
  } = schema as Record<string, unknown>;
  if (only !== undefined) return only;
  if (usual !== undefined) return usual;
  if (Array.isArray(values)) return values[0];
  if (Array.isArray(anyOf)) return exampleOf(anyOf[0], depth + 1);
  if (Array.isArray(prefixItems)) return prefixItems.map((each) => exampleOf(each, depth + 1));
  if (typeof properties === 'object' && properties !== null) {
    const needed = new Set(Array.isArray(required) ? required : Object.keys(properties));
    const fields = Object.entries(properties).filter(([name]) => needed.has(name));
    return Object.fromEntries(fields.map(([name, each]) => [name, exampleOf(each, depth + 1)]));
  }
  if (type === 'string') return '';
  if (type === 'number' || type === 'integer') return 0;
  if (type === 'boolean') return false;
  if (type === 'array') return [];
  return type === 'object' ? {} : null;
}
