import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { ClientTlsOptions } from '@org/rpc';
import { unfitToken } from '@org/rpc-wire/internal';
import { CliError, failureLine } from '../cli-error.js';
import type { CommandLine, OptionSpecs } from './command-line.js';
import { TLS_SPECS, tlsOptions } from './tls-options.js';
import { durationOption } from './values.js';

/** Where a command finds its services, and how it speaks to them. */
export interface ConnectionOptions {
  /** The string form of a registry, such as `etcd://10.0.0.1:2379`; `undefined`: the client's default. */
  readonly registry: string | undefined;
  /** `undefined`: the client's default. */
  readonly namespace: string | undefined;
  /** As a client takes it; `undefined`: plaintext. */
  readonly tls: ClientTlsOptions | true | undefined;
  /** What servers are shown that ask who calls; `undefined`: nothing. */
  readonly token: string | (() => Promise<string>) | undefined;
}

/** More than any token with the line ends around it: a file that never ends, such as /dev/zero, is not read for ever. */
const TOKEN_FILE_BYTES_MAX = 8_192;

/** The options of {@link ConnectionOptions}, shared by all commands. */
export const CONNECTION_SPECS = {
  registry: {
    type: 'string',
    value: '<registry>',
    help: 'local:, direct://host:port,..., dns://name:port, etcd://host:port,...; default RPC_REGISTRY, then local:',
  },
  namespace: { type: 'string', value: '<name>', help: 'default RPC_NAMESPACE, then default' },
  ...TLS_SPECS,
  'token-file': {
    type: 'string',
    value: '<file>',
    help: 'has what is shown to servers that ask who calls, read anew for each connection; default RPC_TOKEN itself',
  },
} as const satisfies OptionSpecs;

/** The option `--timeout` of the commands that call. */
export const TIMEOUT_SPEC = {
  timeout: { type: 'string', value: '<time>', help: 'of a call, all its attempts included; default 1s' },
} as const satisfies OptionSpecs;

/**
 * Reads the options of {@link CONNECTION_SPECS}.
 * @throws CliError for a file of TLS that cannot be used, or an RPC_TOKEN that is no token
 */
export function connectionOptions(
  line: CommandLine,
  environment: Readonly<Record<string, string | undefined>>,
): ConnectionOptions {
  const file = line.text('token-file');
  const token = file === undefined ? tokenOf(environment['RPC_TOKEN']) : () => readToken(file);
  return { registry: line.text('registry'), namespace: line.text('namespace'), tls: tlsOptions(line), token };
}

/** @throws CliError that shows nothing of the text */
function tokenOf(text: string | undefined): string | undefined {
  const fault = text ? unfitToken(text) : undefined;
  if (fault !== undefined) throw new CliError(`RPC_TOKEN must be a ${fault}`);
  return text || undefined;
}

/** @throws CliError naming the file, and nothing of what it says */
async function readToken(file: string): Promise<string> {
  let token: string;
  try {
    token = (await text(createReadStream(file, { end: TOKEN_FILE_BYTES_MAX }))).trim();
  } catch (error) {
    throw new CliError(`--token-file cannot read ${file}: ${failureLine(error)}`, { cause: error });
  }
  const fault = unfitToken(token);
  if (fault !== undefined) throw new CliError(`--token-file ${file} must have a ${fault}`);
  return token;
}

/**
 * Reads `--timeout` in milliseconds, 1 to 3,600,000, default 1000.
 * @throws CliError when it is no time or out of bounds
 */
export function timeoutOption(line: CommandLine): number {
  return durationOption(line, 'timeout', { min: 1, max: 3_600_000 }) ?? 1000;
}

/** A registry's string form without the password that it may carry, for people, reports and logs. */
export function withoutPassword(registry: string): string {
  return registry.replace(/\/\/[^/]*@/, '//***@');
}
