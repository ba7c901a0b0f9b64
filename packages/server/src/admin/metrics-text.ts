import type { ServerState } from '../state.js';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly values: readonly (readonly [labels: string, value: number])[];
}

/** The state of a server in the text format of Prometheus (0.0.4). */
export function metricsText({ calls, connections, status, uptimeMs, services, registry }: ServerState): string {
  const metrics: readonly Metric[] = [
    {
      name: 'rpc_server_calls_total',
      type: 'counter',
      help: 'Calls that have ended.',
      values: (['succeeded', 'late', 'failed', 'refused'] as const).map((name) => [`{outcome="${name}"}`, calls[name]]),
    },
    {
      name: 'rpc_server_one_way_dropped_total',
      type: 'counter',
      help: 'One-way calls that were not begun, of which their callers hear nothing.',
      values: [['', calls.dropped]],
    },
    {
      name: 'rpc_server_built_in_calls_total',
      type: 'counter',
      help: 'Calls of rpc.health, rpc.reflection and rpc.operator, which are in no other count.',
      values: [['', calls.builtIn]],
    },
    gauge('rpc_server_calls_running', 'Handlers that run.', calls.running),
    gauge('rpc_server_calls_waiting', 'Calls that wait to be let in.', calls.waiting),
    gauge('rpc_server_connections', 'Open connections.', connections),
    gauge('rpc_server_uptime_seconds', 'Since the server was made.', uptimeMs / 1_000),
    gauge('rpc_server_draining', '1 from the beginning of its end.', status === 'draining' ? 1 : 0),
    gauge('rpc_server_registered', 'Whether its entry is in the registry.', registry.status === 'registered' ? 1 : 0),
    {
      name: 'rpc_server_service_serving',
      type: 'gauge',
      help: 'Whether a service takes calls.',
      // Names have no character that would have to be escaped.
      values: Object.entries(services).map(([name, { health }]) => [
        `{service="${name}"}`,
        health === 'serving' ? 1 : 0,
      ]),
    },
  ];
  return metrics.map(lines).join('');
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, type: 'gauge', help, values: [['', value]] };
}

function lines({ name, type, help, values }: Metric): string {
  const samples = values.map(([labels, value]) => `${name}${labels} ${value}\n`).join('');
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples}`;
}
