import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FleetView, InstanceView, RateView } from '../src/fleet/fleet-view.js';
import { ms, percent, rate, show, span } from './show.js';

/** A name of others, cut where there is no room, whole in its title. */
export function Name({ text }: { text: string }) {
  return (
    <span class="name" title={show(text)}>
      {show(text)}
    </span>
  );
}

/** Says which service a page is about, and leads to that of another one. */
export function ServicePicker({ view, service, page }: { view: FleetView; service: string | undefined; page: string }) {
  return (
    <label class="picker">
      Service
      <select
        value={service}
        onChange={(event) => (location.hash = `#${page}/${encodeURIComponent(event.currentTarget.value)}`)}
      >
        {view.services.map((each) => (
          <option value={each.name} key={each.name}>
            {show(each.name)}
            {page === 'rules' && each.rulesVersion !== undefined ? ` (version ${each.rulesVersion})` : ''}
            {each.instances.length === 0 ? ' (gone: no instances)' : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Leads to the page of a service, an instance or a caller, by its name. */
export function Linked({ page, name }: { page: 'services' | 'instances' | 'callers'; name: string }) {
  return (
    <a href={`#${page}/${encodeURIComponent(name)}`}>
      <Name text={name} />
    </a>
  );
}

/** How an instance is, in one word, with a colour that only repeats it. */
export function Health({ instance }: { instance: InstanceView }) {
  const [word, tone] = healthOf(instance);
  return <span class={`badge ${tone}`}>{word}</span>;
}

/** In one word, and how grave that is. */
export function healthOf({
  state,
  report,
  server,
  standing,
}: InstanceView): [string, 'good' | 'warn' | 'bad' | 'idle'] {
  if (state === 'draining' || server?.status === 'draining') return ['draining', 'warn'];
  if (report === 'unreachable') return ['unreachable', 'bad'];
  if (state === 'unavailable') return ['unavailable', 'warn'];
  const unwell = Object.values(server?.services ?? {}).some(({ health }) => health !== 'serving');
  if (unwell) return ['not serving', 'bad'];
  if (standing === 'avoided') return ['avoided', 'warn'];
  if (standing === 'fewer') return ['gets fewer calls', 'warn'];
  if (report === 'answered') return ['serving', 'good'];
  return report === 'pending' ? ['asked', 'idle'] : ['listed', 'idle'];
}

/** A loop that is late by so much delays every call, in milliseconds. */
const LATE_MS = 100;

/** Whether an event loop is so late that it delays calls. */
export function isLate(lagMs: number | undefined): boolean {
  return (lagMs ?? 0) >= LATE_MS;
}

/** The cells of a rate. */
export function RateCells({ value }: { value: RateView }) {
  return (
    <>
      <td class="number">{rate(value.perSecond)}</td>
      <td class={`number ${value.errorPercent > 0 ? 'bad-text' : ''}`}>{percent(value.errorPercent)}</td>
      <Percentile now={value.p50} then={value.last?.p50} last={value.last} />
      <Percentile now={value.p99} then={value.last?.p99} last={value.last} />
    </>
  );
}

/** How long calls take, or, where there are none now, how long the last ones took, and how long ago that was. */
function Percentile({
  now,
  then,
  last,
}: {
  now: number | undefined;
  then: number | undefined;
  last: RateView['last'];
}) {
  if (now !== undefined || last === undefined) return <td class="number">{ms(now)}</td>;
  return (
    <td class="number quiet">
      {ms(then)}, {span(last.secondsAgo * 1_000)} ago
    </td>
  );
}

/** Over what time rates and percentiles are. */
export function RatesNote({ view }: { view: FleetView }) {
  return <p class="quiet">Calls a second, errors and percentiles are of the last {view.rateSeconds} whole seconds.</p>;
}

/** Their heads. */
export function RateHeads() {
  return (
    <>
      <th scope="col" class="number">
        calls/s
      </th>
      <th scope="col" class="number">
        errors
      </th>
      <th scope="col" class="number">
        p50
      </th>
      <th scope="col" class="number">
        p99
      </th>
    </>
  );
}

/** A table that scrolls by itself where it is too wide, also by keys. */
export function Table({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section class="scroll" aria-label={label} tabIndex={0}>
      <table>
        <caption class="unseen">{label}</caption>
        {children}
      </table>
    </section>
  );
}

/** Does something that changes things, after a second press, and says how it went. */
export function Action(props: {
  label: string;
  confirm: string;
  /** What is said beside the second press, where that is more than its words. */
  question?: string;
  disabled?: string | undefined;
  run: () => Promise<string>;
}) {
  const [asked, setAsked] = useState(false);
  const [said, setSaid] = useState<{ text: string; bad: boolean }>();
  const sure = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (asked) sure.current?.focus();
  }, [asked]);
  const run = async () => {
    setAsked(false);
    try {
      setSaid({ text: await props.run(), bad: false });
    } catch (error) {
      setSaid({ text: (error as Error).message, bad: true });
    }
  };
  return (
    <span class="action">
      {asked ? (
        <>
          {props.question !== undefined && <p class="question">{show(props.question)}</p>}
          <button type="button" class="danger" ref={sure} onClick={() => void run()}>
            {props.confirm}
          </button>
          <button type="button" onClick={() => setAsked(false)}>
            Cancel
          </button>
        </>
      ) : (
        <button
          type="button"
          disabled={props.disabled !== undefined}
          title={props.disabled}
          onClick={() => setAsked(true)}
        >
          {props.label}
        </button>
      )}
      <output class={said?.bad ? 'bad-text' : ''}>{said === undefined ? '' : show(said.text)}</output>
    </span>
  );
}
