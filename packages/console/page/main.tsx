import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FleetView } from '../src/fleet/fleet-view.js';
import { CallerPage, CallersPage } from './callers.js';
import { InstancePage, InstancesPage } from './instances.js';
import { MapPage } from './map.js';
import { RulesPage } from './rules.js';
import { ask, follow, type LineStatus, token } from './server.js';
import { ServicePage, ServicesPage } from './services.js';
import { show } from './show.js';
import { TryPage } from './try-call.js';

const PAGES = [
  ['map', 'Map'],
  ['services', 'Services'],
  ['instances', 'Instances'],
  ['callers', 'Callers'],
  ['rules', 'Rules'],
  ['try', 'Try a call'],
] as const;

const STATUS: Readonly<Record<LineStatus, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no connection to the console',
  refused: 'the console asks for its token',
};

function App() {
  const [view, setView] = useState<FleetView>();
  const [status, setStatus] = useState<LineStatus>('connecting');
  const [session, setSession] = useState<Session>({ canChange: false, hasToken: false });
  const [epoch, setEpoch] = useState(0);
  const [page, name] = useRoute();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    ask<Session>('/api/session').then(setSession, () => setSession({ canChange: true, hasToken: false }));
    return follow(setView, setStatus);
  }, [epoch]);
  // Whoever goes to another page by keys or with a screen reader begins at its head.
  useEffect(() => {
    document.title = `${PAGES.find(([each]) => each === page)?.[1] ?? 'Map'} · rpc console`;
    if (!isFirst.current) main.current?.querySelector('h1')?.focus();
    isFirst.current = false;
  }, [page, name]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header>
        <p class="brand">rpc console</p>
        <nav aria-label="Pages">
          {PAGES.map(([each, label]) => (
            <a href={`#${each}`} aria-current={each === page ? 'page' : undefined} key={each}>
              {label}
            </a>
          ))}
        </nav>
        <Access session={session} onChange={() => setEpoch(epoch + 1)} />
        <p class="status" role="status">
          <span class={`dot ${status === 'live' && view?.trouble === undefined ? 'good' : 'bad'}`} aria-hidden="true" />
          {status === 'live' && view !== undefined ? `${view.registry}, ${view.namespace}` : STATUS[status]}
        </p>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {view?.trouble !== undefined && <p class="trouble">The registry cannot be asked: {show(view.trouble)}</p>}
        {view?.omitted !== undefined && <p class="trouble">{view.omitted}</p>}
        {view === undefined ? <h1 tabIndex={-1}>{STATUS[status]}</h1> : pageOf(page, name, view, session)}
      </main>
    </>
  );
}

/** Who may change things. */
export interface Session {
  /** Whether the console was begun with a token. */
  readonly canChange: boolean;
  readonly hasToken: boolean;
}

function pageOf(page: string, name: string | undefined, view: FleetView, session: Session) {
  const why = session.hasToken
    ? undefined
    : session.canChange
      ? 'type the token of the console first'
      : 'this console only shows';
  if (page === 'services')
    return name === undefined ? <ServicesPage view={view} /> : <ServicePage view={view} name={name} key={name} />;
  if (page === 'instances')
    return name === undefined ? (
      <InstancesPage view={view} />
    ) : (
      <InstancePage view={view} id={name} locked={why} key={name} />
    );
  if (page === 'callers')
    return name === undefined ? <CallersPage view={view} /> : <CallerPage view={view} name={name} key={name} />;
  if (page === 'rules') return <RulesPage view={view} name={name} locked={why} />;
  if (page === 'try') return <TryPage view={view} name={name} locked={why} />;
  return <MapPage view={view} />;
}

function Access({ session, onChange }: { session: Session; onChange: () => void }) {
  const [typed, setTyped] = useState('');
  if (!session.canChange) return <p class="access quiet">read only</p>;
  if (session.hasToken)
    return (
      <p class="access">
        may change things{' '}
        <button
          type="button"
          onClick={() => {
            token.set('');
            onChange();
          }}
        >
          Lock
        </button>
      </p>
    );
  return (
    <form
      class="access"
      onSubmit={(event) => {
        event.preventDefault();
        token.set(typed.trim());
        setTyped('');
        onChange();
      }}
    >
      <label>
        <span>Token</span>
        <input
          type="password"
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Unlock</button>
      {token.get() !== '' && (
        <span class="bad-text" role="alert">
          that is not it
        </span>
      )}
    </form>
  );
}

function useRoute(): [page: string, name: string | undefined] {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    addEventListener('hashchange', onChange);
    return () => removeEventListener('hashchange', onChange);
  }, []);
  const [page = '', name] = hash.slice(1).split('/', 2);
  return [PAGES.some(([each]) => each === page) ? page : 'map', name === undefined ? undefined : decoded(name)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

render(<App />, document.getElementById('app')!);
