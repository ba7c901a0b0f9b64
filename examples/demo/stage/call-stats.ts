import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type Client, isRpcError, type NodeState, type ResponseInfo } from '@org/rpc';
import { type NodeReport, type Report, tellStage } from './messages.js';

/** Failed calls that are shown; more are only counted. */
const FAILED_CALLS_SHOWN = 3;

/** Counts what becomes of a client's calls, in all and for each node. */
export class CallStats {
  readonly #client: Client;
  readonly #service: string;
  readonly #nodes = new Map<string, NodeStats>();
  readonly #latency = createLatencyHistogram();
  #failed = 0;
  #retries = 0;
  #firstAnswerAt: number | undefined;

  constructor(client: Client, service: string) {
    this.#client = client;
    this.#service = service;
    client.on('retried', ({ endpoint }) => {
      this.#retries++;
      this.#failedAttempt(endpoint);
    });
  }

  /** A call has its answer: for the option `onResponse`. */
  readonly answered = ({ endpoint, durationMs }: ResponseInfo): void => {
    const node = this.#node(endpoint);
    node.calls++;
    if (node.firstCallAt === undefined) {
      node.firstCallAt = Date.now();
      this.#firstAnswerAt ??= node.firstCallAt;
    }
    // Histograms hold whole numbers from 1 on: microseconds.
    node.recent.record(Math.max(1, Math.round(durationMs * 1000)));
  };

  /** A call has failed for good. */
  failed(error: Error): void {
    this.#failed++;
    if (isRpcError(error) && error.endpoint !== undefined) this.#failedAttempt(error.endpoint);
    if (this.#failed <= FAILED_CALLS_SHOWN) tellStage({ kind: 'failedCall', message: error.message });
  }

  /** What has been counted so far. */
  report(): Report {
    const now = Date.now();
    const states = this.#client.state().services[this.#service]?.nodes ?? [];
    for (const { endpoint } of states) this.#node(endpoint);
    const nodes = [...this.#nodes].map(([address, stats]) => {
      const state = states.find(({ endpoint }) => endpoint === address);
      return reportNode(address, stats, state, this.#latency);
    });
    return {
      kind: 'report',
      isLast: false,
      at: now,
      elapsedMs: now - (this.#firstAnswerAt ?? now),
      calls: nodes.reduce((sum, { calls }) => sum + calls, 0) + this.#failed,
      failed: this.#failed,
      retries: this.#retries,
      nodes,
      latency: {
        p50: percentileMs(this.#latency, 50) ?? 0,
        p99: percentileMs(this.#latency, 99) ?? 0,
        p999: percentileMs(this.#latency, 99.9) ?? 0,
      },
    };
  }

  #failedAttempt(endpoint: string): void {
    if (endpoint === '') return;
    const node = this.#node(endpoint);
    node.errors++;
    node.lastErrorAt = Date.now();
  }

  #node(address: string): NodeStats {
    let node = this.#nodes.get(address);
    if (node === undefined) {
      node = {
        calls: 0,
        errors: 0,
        firstCallAt: undefined,
        lastErrorAt: undefined,
        recent: createLatencyHistogram(),
        all: createLatencyHistogram(),
      };
      this.#nodes.set(address, node);
    }
    return node;
  }
}

interface NodeStats {
  calls: number;
  errors: number;
  firstCallAt: number | undefined;
  lastErrorAt: number | undefined;
  /** Since the last report. */
  readonly recent: RecordableHistogram;
  /** Until the last report. */
  readonly all: RecordableHistogram;
}

function reportNode(
  address: string,
  stats: NodeStats,
  state: NodeState | undefined,
  total: RecordableHistogram,
): NodeReport {
  const { calls, errors, firstCallAt, lastErrorAt, recent, all } = stats;
  const p50 = percentileMs(recent, 50);
  if (p50 !== undefined) {
    all.add(recent);
    total.add(recent);
    recent.reset();
  }
  const p50OfAll = percentileMs(all, 50);
  return { address, state: describeState(state), calls, errors, p50, p50OfAll, firstCallAt, lastErrorAt };
}

function describeState(state: NodeState | undefined): NodeReport['state'] {
  if (state === undefined) return 'gone';
  if (state.draining) return 'draining';
  return state.connection === 'ready' ? 'ready' : 'down';
}

/** Of microseconds, up to a minute. */
function createLatencyHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 60_000_000, figures: 3 });
}

function percentileMs(histogram: RecordableHistogram, percent: number): number | undefined {
  return histogram.count === 0 ? undefined : histogram.percentile(percent) / 1000;
}
