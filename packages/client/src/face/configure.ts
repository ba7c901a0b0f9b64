import type { PolicyOptions, ServiceDefinition, ServiceMethods, ServicePolicyOptions } from '@org/rpc-core';
import {
  assertFits,
  assertKnownOptions,
  assertObject,
  assertServiceDefinition,
  checkPolicyOptions,
  nearestName,
  policyOptionNames,
} from '@org/rpc-core/internal';
import type { PickerFactory } from '../picker/picker.js';
import { type Propagation, propagatedKeys } from './propagation.js';

/** Options of one service on one client, and of its methods. */
export interface ServiceOptions<D> extends ServicePolicyOptions {
  /** Metadata keys of the call being served that are passed on to this service (default: the client's). */
  readonly propagate?: Propagation | undefined;
  /** How a node is chosen for the calls of this service (default: as for the client). */
  readonly balancer?: PickerFactory | undefined;
  /** Options of single methods; they take precedence over those of the service. */
  readonly methods?: { readonly [K in keyof ServiceMethods<D>]?: PolicyOptions | undefined } | undefined;
}

/** The result of {@link configure}, for the option `services` of a client. */
export interface ServiceConfiguration {
  readonly definition: { readonly name: string };
  readonly policy: ServicePolicyOptions;
  /** Metadata keys of the call being served that are passed on; `undefined`: the client's. */
  readonly propagate?: readonly string[] | undefined;
  /** How nodes are chosen; `undefined`: the client's. */
  readonly balancer?: PickerFactory | undefined;
  readonly methods: Readonly<Record<string, PolicyOptions>>;
}

/**
 * Options for a service and its methods on one client.
 * @throws TypeError for an unknown option or method, naming the nearest right one
 * @example
 * ```ts
 * createClient({ services: [configure(Calculator, { timeoutMs: 100, methods: { sum: { retry: false } } })] });
 * ```
 */
export function configure<D extends ServiceDefinition<object>>(
  definition: D,
  options: ServiceOptions<D>,
): ServiceConfiguration {
  assertServiceDefinition('configure', definition);
  const where = `configure(${definition.name})`;
  assertKnownOptions(where, options, [...policyOptionNames('service'), 'methods', 'propagate', 'balancer']);
  assertPicker(where, options.balancer);
  if (options.methods !== undefined) assertObject(where, 'methods', options.methods);
  const methods: Record<string, PolicyOptions> = Object.create(null);
  for (const [method, policy] of Object.entries<PolicyOptions | undefined>(options.methods ?? {})) {
    if (!Object.hasOwn(definition.methods, method)) {
      const near = nearestName(method, Object.keys(definition.methods));
      throw new TypeError(
        `${where}: the service has no method "${method}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
    }
    if (policy === undefined) continue;
    assertKnownOptions(`${where}: ${method}`, policy, policyOptionNames('method'));
    assertOneWay(`${where}: ${method}`, definition.methods[method]!.kind, policy);
    methods[method] = checkPolicyOptions(`${where}: ${method}`, 'method', { ...policy });
  }
  const propagate = options.propagate === undefined ? undefined : propagatedKeys(where, options.propagate);
  return {
    definition,
    policy: checkPolicyOptions(where, 'service', { ...options }),
    methods,
    propagate,
    balancer: options.balancer,
  };
}

/** Who waits for an answer cannot be told that it comes later. */
function assertOneWay(where: string, kind: string, { retryLater }: PolicyOptions): void {
  if (retryLater === undefined || retryLater === false || kind === 'notify') return;
  const hint = 'use retry and waitForReady for calls that are answered';
  throw new TypeError(`${where}: retryLater is for one-way methods (notify), and this one is ${kind}: ${hint}`);
}

/** @throws TypeError naming what a picker is */
export function assertPicker(where: string, balancer: PickerFactory | undefined): void {
  const isPicker = balancer === undefined || typeof balancer?.create === 'function';
  assertFits(where, 'balancer', 'a picker such as p2c() or roundRobin()', balancer, isPicker);
}
