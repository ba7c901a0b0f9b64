import type { ServiceDefinition } from '../../src/contract-types.js';
import type {
  CallOptions,
  InterfaceClient,
  MethodArgs,
  MethodName,
  MethodResult,
  MustName,
  ServiceClient,
  ServiceHandlers,
} from '../../src/stub-types.js';

/** What the type tests use of a client. */
export interface Client {
  service<D extends ServiceDefinition>(definition: D): ServiceClient<D>;
  service<I extends object = never>(name: [I] extends [never] ? MustName : string): InterfaceClient<I>;
  broadcast<D extends ServiceDefinition, const K extends MethodName<D>>(
    definition: D,
    method: K,
    args: MethodArgs<D, K>,
    options?: CallOptions,
  ): Promise<MethodResult<D, K>[]>;
}

/** What the type tests use of a server. */
export interface Server {
  add<D extends ServiceDefinition>(definition: D, handlers: NoInfer<ServiceHandlers<D>>): void;
}

export declare const client: Client;
export declare const server: Server;
