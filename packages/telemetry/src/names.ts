import type { ObservedCall } from '@org/rpc';

/** The value of `rpc.system.name` for this library. */
export const SYSTEM = 'org_rpc';

/** Bounds of the duration buckets in seconds, as OpenTelemetry advises for the durations of calls. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Replaces names beyond the bound, as OpenTelemetry does for unknown methods. */
export const OTHER = '_OTHER';

/** Name, unit and description of each metric of OpenTelemetry, however it gets there. */
export const INSTRUMENTS = {
  duration: (side: 'client' | 'server') => ({
    name: `rpc.${side}.call.duration`,
    description: `Duration of ${side} calls`,
    unit: 's',
  }),
  active: (side: 'client' | 'server') => ({
    name: `org.rpc.${side}.calls.active`,
    description: `Calls of a ${side} that have not ended`,
    unit: '',
  }),
  attempts: { name: 'org.rpc.client.attempts', description: 'Attempts of calls, repeats included', unit: '' },
  events: {
    name: 'org.rpc.events',
    description: 'What clients and servers tell: retried, breakerOpened, limited ...',
    unit: '',
  },
} as const;

/** Codes that are the server's fault and not the caller's: OpenTelemetry counts only these as errors of a server. */
const SERVER_FAILURES = new Set([
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'UNKNOWN',
  'DATA_LOSS',
]);

/** Whether a call that ended with this code is an error of this side, as OpenTelemetry sees it. */
export function isFailure(side: 'client' | 'server', status: string): boolean {
  return status !== 'OK' && (side === 'client' || SERVER_FAILURES.has(status));
}

/** The code of a call that has ended: `OK`, or the code of its error. */
export function statusOf({ error }: Pick<ObservedCall, 'error'>): string {
  return error?.code ?? 'OK';
}

/** `service/method`, as OpenTelemetry writes the name of a method. */
export function methodOf({ service, method }: Pick<ObservedCall, 'service' | 'method'>): string {
  return `${service}/${method}`;
}

/** Host and port of an endpoint; no port for the path of a socket. */
export function addressOf(endpoint: string): { readonly address: string; readonly port: number | undefined } {
  const colon = endpoint.lastIndexOf(':');
  const port = colon < 0 || endpoint.startsWith('/') ? Number.NaN : Number(endpoint.slice(colon + 1));
  if (!Number.isInteger(port)) return { address: endpoint, port: undefined };
  return { address: endpoint.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}

/**
 * Bounds how many different names metrics use: names that a gateway is asked for or a registry lists must not make metrics grow for ever.
 * Further names become `_OTHER`.
 */
export class BoundedNames {
  readonly #max: number;
  readonly #known = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The name, or `_OTHER` for a name beyond the bound. */
  of(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.#max) return OTHER;
    this.#known.add(name);
    return name;
  }
}
