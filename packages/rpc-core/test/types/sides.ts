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
} from '../../src/face/stub-types.js';

/** The part of a client that the type tests use. */
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

/** The part of a server that the type tests use. */
export interface Server {
  add<D extends ServiceDefinition>(definition: D, handlers: NoInfer<ServiceHandlers<D>>): void;
}

export declare const client: Client;
export declare const server: Server;
