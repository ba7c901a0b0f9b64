import type { ObservedCall } from '@org/rpc';

/** What `rpc.system.name` is of this library. */
export const SYSTEM = 'org_rpc';

/** Bounds of the buckets of durations in seconds, those that OpenTelemetry advises for the durations of calls. */
export const DURATION_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** What stands for names beyond the bound, as OpenTelemetry has it for methods that are not known. */
export const OTHER = '_OTHER';

/** The code of a call that has ended: `OK`, or that of its error. */
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
 * So many different names and no more: what a gateway is asked for, or a registry lists, must not make metrics grow for ever. What is
 * beyond is `_OTHER`.
 */
export class BoundedNames {
  readonly #max: number;
  readonly #known = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The name, or what stands for it. */
  of(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.#max) return OTHER;
    this.#known.add(name);
    return name;
  }
}
