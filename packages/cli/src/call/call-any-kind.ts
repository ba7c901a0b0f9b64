import type { Client } from '@org/rpc';
import {
  type CallOptions,
  defineService,
  duplex,
  isRpcError,
  type ServiceDefinition,
  stream,
  upload,
} from '@org/rpc-core';
import type { MethodCall } from '../options/method-name.js';
import type { Terminal } from '../terminal.js';
import { readItems } from './read-input.js';

/** The kinds of method that can be called. */
export const KINDS = ['unary', 'stream', 'upload', 'duplex'] as const;

/** One of {@link KINDS}. */
export type Kind = (typeof KINDS)[number];

/** How a method is called of which nothing is known but its name. */
export interface AnyKindOptions {
  /** Left out, the server tells: it refuses to run a method as another kind, and says which kind it is. */
  readonly kind: Kind | undefined;
  readonly unaryOptions: CallOptions;
  /** Of all kinds but `unary`. */
  readonly streamOptions: CallOptions;
  /** Where the items of an upload come from. */
  readonly terminal: Pick<Terminal, 'input' | 'inputIsTerminal' | 'err'>;
  onResult(result: unknown): void;
  /** The next item is asked for when it resolves. */
  onItem(item: unknown): Promise<void>;
}

/**
 * Calls a method whatever it is, to its end.
 * @throws RpcError as the library gives it; CliError for an item of stdin that would not arrive as it was written
 */
export async function callAnyKind(client: Client, call: MethodCall, options: AnyKindOptions): Promise<void> {
  const { service, method, args } = call;
  let { kind = 'unary' } = options;
  if (kind === 'unary') {
    try {
      options.onResult(await client.call(service, method, args, options.unaryOptions));
      return;
    } catch (error) {
      const told = options.kind === undefined ? kindOf(error) : undefined;
      if (told === undefined) throw error;
      kind = told;
    }
  }
  const definition = defineService(service, { [method]: MAKERS[kind]() }) as ServiceDefinition<object>;
  const stub = client.service(definition, options.streamOptions) as Record<string, (...args: unknown[]) => unknown>;
  const items = kind === 'stream' ? [] : [readItems(options.terminal)];
  const answer = stub[method]!(...items, ...args);
  if (kind === 'upload') options.onResult(await answer);
  else for await (const item of answer as AsyncIterable<unknown>) await options.onItem(item);
}

const MAKERS = {
  stream: () => stream<() => AsyncIterable<unknown>>(),
  upload: () => upload<(items: AsyncIterable<unknown>) => Promise<unknown>>(),
  duplex: () => duplex<(items: AsyncIterable<unknown>) => AsyncIterable<unknown>>(),
} as const;

/** The kind of the method, as a server says it when it refuses to run it as a unary call. */
function kindOf(error: unknown): keyof typeof MAKERS | undefined {
  if (!isRpcError(error, 'UNIMPLEMENTED') || error.progress !== 'refused') return undefined;
  const found = / is an? (stream|upload|duplex) method: /.exec(error.reason);
  return found?.[1] as keyof typeof MAKERS | undefined;
}
