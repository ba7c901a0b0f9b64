import type { FleetView } from '../src/fleet/fleet-view.js';

const TOKEN_KEY = 'rpc-console-token';

/** What the page knows of its line to the console. */
export type LineStatus = 'connecting' | 'live' | 'lost' | 'refused';

/** The token that was typed, for as long as the tab is open. */
export const token = {
  get: (): string => sessionStorage.getItem(TOKEN_KEY) ?? '',
  set: (value: string): void => {
    if (value === '') sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, value);
  },
};

/** Asks the console. @throws Error in words for people */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = {};
  if (token.get() !== '') headers['authorization'] = `Bearer ${token.get()}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const request: RequestInit = { headers, method: body === undefined ? 'GET' : 'POST' };
  if (body !== undefined) request.body = JSON.stringify(body);
  const response = await fetch(path, request);
  const value = (await response.json()) as T & { error?: string };
  if (!response.ok) throw new Error(value.error ?? `the console answers ${response.status}`);
  return value;
}

/**
 * The same for an answer that comes line by line, until it ends or `signal` aborts.
 * @throws Error in words for people, also when it was aborted
 */
export async function askLines<T>(
  path: string,
  body: unknown,
  { signal, onLine }: { readonly signal: AbortSignal; onLine(line: T): void },
): Promise<void> {
  const headers = { authorization: `Bearer ${token.get()}`, 'content-type': 'application/json' };
  const response = await fetch(path, { headers, method: 'POST', body: JSON.stringify(body), signal });
  if (!response.ok || response.body === null)
    throw new Error(((await response.json()) as { error?: string }).error ?? `the console answers ${response.status}`);
  for await (const line of linesOf(response.body, '\n')) onLine(JSON.parse(line) as T);
}

/** The query of a path. */
export function query(path: string, values: Record<string, string>): string {
  return `${path}?${new URLSearchParams(values)}`;
}

/** Follows what the console sees, for as long as the page is open. */
export function follow(onView: (view: FleetView) => void, onStatus: (status: LineStatus) => void): () => void {
  const over = new AbortController();
  void (async () => {
    for (let pauseMs = 500; !over.signal.aborted; pauseMs = Math.min(10_000, pauseMs * 2)) {
      try {
        const headers: Record<string, string> = token.get() === '' ? {} : { authorization: `Bearer ${token.get()}` };
        const response = await fetch('/api/live', { headers, signal: over.signal });
        if (response.status === 401) onStatus('refused');
        if (!response.ok || response.body === null) throw new Error(String(response.status));
        onStatus('live');
        pauseMs = 500;
        await read(response.body, onView);
        onStatus('lost');
      } catch {
        if (over.signal.aborted) return;
        onStatus(token.get() === '' ? 'lost' : 'connecting');
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
  return () => over.abort();
}

async function read(body: ReadableStream<Uint8Array>, onView: (view: FleetView) => void): Promise<void> {
  for await (const event of linesOf(body, '\n\n'))
    if (event.startsWith('data: ')) onView(JSON.parse(event.slice(6)) as FleetView);
}

/** What stands between separators, as it comes. */
async function* linesOf(body: ReadableStream<Uint8Array>, separator: string): AsyncIterable<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    const lines = rest.split(separator);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
