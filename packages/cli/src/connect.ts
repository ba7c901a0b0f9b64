import { type Client, createClient } from '@org/rpc';
import { isRpcError } from '@org/rpc-core';
import type { Registry } from '@org/rpc-registry';
import { CliError } from './cli-error.js';
import type { ConnectionOptions } from './options/connection-options.js';
import { nearest } from './options/nearest.js';
import { namedNamespace, namedRegistry, openRegistry } from './registry.js';
import type { Terminal } from './terminal.js';

/** Clients that are connected to a service. */
export interface ConnectedClients {
  readonly clients: readonly Client[];
  readonly registry: Registry;
  /** Closes all of them. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** What to connect to, and how often. */
export interface ConnectOptions extends ConnectionOptions {
  readonly service: string;
  /** How many clients. */
  readonly connections: number;
}

/** How long a first connection may take, in milliseconds. */
const CONNECT_MS = 5000;

/**
 * Makes clients and waits until each is connected to an instance of the service.
 * @param signal - gives it up
 * @throws CliError that says what is missing: the service, an instance, or a way to reach one
 */
export async function connectClients(
  options: ConnectOptions,
  terminal: Pick<Terminal, 'clock' | 'random' | 'environment'>,
  signal?: AbortSignal,
): Promise<ConnectedClients> {
  const registry = namedRegistry(options.registry);
  const { namespace, service, tls, token } = options;
  const clients = Array.from({ length: options.connections }, () => createClient({ registry, namespace, tls, token }));
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
  };
  try {
    await Promise.all(clients.map((client) => client.ready(service, { timeoutMs: CONNECT_MS, signal })));
    return { clients, registry, close };
  } catch (error) {
    await close();
    if (signal?.aborted) throw new CliError('interrupted before there was a connection', { cause: error });
    throw await explainNoConnection(error, registry, options, terminal);
  }
}

/**
 * What to tell of a failure: the same error, unless it is one of a call that found nobody, of which the registry may know more
 * than the client, which only knows that it has no connection. Never rejects.
 */
export async function explainNoConnection(
  error: unknown,
  registry: Registry,
  { service, namespace }: { readonly service: string; readonly namespace: string | undefined },
  terminal: Pick<Terminal, 'clock' | 'random' | 'environment'>,
): Promise<unknown> {
  const foundNobody = isRpcError(error, 'UNAVAILABLE') || isRpcError(error, 'DEADLINE_EXCEEDED');
  if (!foundNobody || error.progress !== 'unsent') return error;
  const open = openRegistry(registry, namedNamespace(namespace, terminal.environment), terminal);
  try {
    const names = await open.services();
    if (names.includes(service)) return error;
    return new CliError(unknownService(service, registry.display, names), { cause: error });
  } catch (reason) {
    // A fixed list of addresses knows no names: then what the client said is all there is to say.
    return isRpcError(reason, 'UNIMPLEMENTED') ? error : reason;
  } finally {
    await open.close();
  }
}

/** The one line about a service that no registry has. */
export function unknownService(service: string, registry: string, names: readonly string[]): string {
  if (names.length === 0) {
    return `no service is registered in ${registry}: start a server there, or name another registry with --registry`;
  }
  const close = nearest(service, names);
  const hint = close === undefined ? `it has ${names.slice(0, 10).join(', ')}` : `did you mean ${close}?`;
  return `service ${service} is not in ${registry}; ${hint}`;
}
