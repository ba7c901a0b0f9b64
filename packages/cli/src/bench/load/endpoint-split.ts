import { LatencyHistogram } from './latency-histogram.js';

/** The part of the load that one endpoint got. */
export interface EndpointSummary {
  /** `host:port`; `(none)` for calls that reached no endpoint, `(others)` for all beyond the first 256. */
  readonly endpoint: string;
  /** Calls that ended there, whatever their outcome. */
  readonly calls: number;
  readonly errors: number;
  /** Response times of its successes, exact to 1 %; `null` when there was none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** The load by endpoint: a lookup and a record a call. */
export interface EndpointSplit {
  succeeded(endpoint: string, responseMs: number): void;
  failed(endpoint: string): void;
  /** The endpoints in order of their names. */
  summary(): readonly EndpointSummary[];
}

/** Each endpoint costs a histogram of 36 KB, and nobody reads a longer list. */
const ENDPOINTS_MAX = 256;

interface Share {
  errors: number;
  readonly latency: LatencyHistogram;
}

/** Makes an empty split. */
export function createEndpointSplit(): EndpointSplit {
  const shares = new Map<string, Share>();
  const add = (endpoint: string): Share => {
    const name = shares.size < ENDPOINTS_MAX ? endpoint : '(others)';
    let share = shares.get(name);
    if (share === undefined) {
      share = { errors: 0, latency: new LatencyHistogram(2) };
      shares.set(name, share);
    }
    return share;
  };
  return {
    succeeded(endpoint, responseMs) {
      (shares.get(endpoint) ?? add(endpoint)).latency.record(responseMs);
    },
    failed(endpoint) {
      (shares.get(endpoint) ?? add(endpoint)).errors++;
    },
    summary() {
      const rows = [...shares].map(([endpoint, { errors, latency }]) => ({
        endpoint: endpoint === '' ? '(none)' : endpoint,
        calls: latency.count + errors,
        errors,
        p50Ms: latency.percentile(50),
        p99Ms: latency.percentile(99),
      }));
      return rows.sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1));
    },
  };
}
