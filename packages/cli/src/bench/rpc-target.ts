import { type CallOptions, type Client, isRpcError } from '@org/rpc';
import { CliError } from '../cli-error.js';
import { connectClients } from '../connect.js';
import type { ConnectionOptions } from '../options/connection-options.js';
import type { MethodCall } from '../options/method-name.js';
import type { Terminal } from '../terminal.js';
import type { BenchTarget, Caller } from './load/target.js';

/** What is called, and through how many clients. */
export interface RpcTargetOptions extends MethodCall, ConnectionOptions {
  readonly connections: number;
  readonly timeoutMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly idempotent: boolean;
}

/** A method of which nothing is known but that it takes arguments. */
type AnyMethod = (...args: readonly unknown[]) => Promise<unknown>;

/** Failures that no load changes: a bench could only count them. */
const HOPELESS = ['UNIMPLEMENTED', 'INVALID_ARGUMENT', 'UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNAVAILABLE'] as const;

/**
 * The real target: clients of this library, each with connections of its own. All are connected and the method was called
 * once when it resolves.
 * @param signal - gives the connecting up
 * @throws CliError or RpcError that says what is missing: service, instance, method, permission
 */
export async function openRpcTarget(
  options: RpcTargetOptions,
  terminal: Pick<Terminal, 'clock' | 'random' | 'environment'>,
  signal: AbortSignal,
): Promise<BenchTarget> {
  const { clients, registry, close } = await connectClients(options, terminal, signal);
  const target: BenchTarget = {
    registry: registry.display,
    createCaller: (index) => createCaller(clients[index % clients.length]!, options),
    close,
  };
  try {
    await target.createCaller(0).call();
  } catch (error) {
    // Any other failure may be what the method does under load: the report counts it.
    if (!isRpcError(error) || HOPELESS.some((code) => code === error.code)) {
      await close();
      throw error;
    }
  }
  return target;
}

function createCaller(
  client: Client,
  { service, method, args, timeoutMs, metadata, idempotent }: RpcTargetOptions,
): Caller {
  const options: CallOptions = {
    timeoutMs,
    metadata,
    idempotent,
    onResponse(info) {
      caller.endpoint = info.endpoint;
      caller.attempts = info.attempts;
    },
  };
  // A stub of its own, as it carries the options: so nothing is looked up or checked with each call.
  const stub = client.service<Record<string, AnyMethod>>(service, options) as Record<string, AnyMethod | undefined>;
  const call = stub[method];
  if (call === undefined) throw new CliError(`${method} cannot be the name of a method`);
  const caller: Caller = { endpoint: '', attempts: 0, call: () => call(...args) };
  return caller;
}
