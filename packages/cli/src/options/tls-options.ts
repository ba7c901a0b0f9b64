import { readFileSync } from 'node:fs';
import type { ClientTlsOptions } from '@org/rpc';
import { createClientTls } from '@org/rpc-wire/internal';
import { CliError, failureLine } from '../cli-error.js';
import type { CommandLine, OptionSpecs } from './command-line.js';

/** The options of TLS towards the servers, shared by all commands. */
export const TLS_SPECS = {
  tls: { type: 'boolean', help: "TLS to the servers, believing Node's authorities; every --tls-... implies it" },
  'tls-ca': { type: 'string', value: '<file>', help: 'PEM of the authority of the servers' },
  'tls-cert': { type: 'string', value: '<file>', help: 'PEM of the own certificate, for mutual TLS; with --tls-key' },
  'tls-key': { type: 'string', value: '<file>', help: 'PEM of its private key, not encrypted' },
  'tls-server-name': {
    type: 'string',
    value: '<name>',
    help: 'the name in the certificates; default: the host dialled',
  },
} as const satisfies OptionSpecs;

/** Which option of the command line gives which option of a client. */
const FILES = { ca: 'tls-ca', cert: 'tls-cert', key: 'tls-key' } as const;

/**
 * Reads the options of {@link TLS_SPECS} and the files that they name.
 * @returns what `createClient` takes: `undefined` for plaintext, `true` for TLS with the authorities of Node.js
 * @throws CliError naming option and file: one that can't be read, that is no PEM, or a key that does not fit
 */
export function tlsOptions(line: CommandLine): ClientTlsOptions | true | undefined {
  const serverName = line.text('tls-server-name');
  const given: { -readonly [K in keyof ClientTlsOptions]: ClientTlsOptions[K] } = {};
  if (serverName !== undefined) given.serverName = serverName;
  for (const [name, option] of Object.entries(FILES) as [keyof typeof FILES, string][]) {
    const file = line.text(option);
    if (file !== undefined) given[name] = readPem(option, file);
  }
  const isPlain = Object.keys(given).length === 0;
  if (isPlain) return line.flag('tls') || undefined;
  try {
    createClientTls('rpc', given);
  } catch (error) {
    throw new CliError(inOptions(failureLine(error), line), { cause: error });
  }
  return given;
}

function readPem(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CliError(`--${option} cannot read ${file}: ${failureLine(error)}`, { cause: error });
  }
}

/** What a client says about its options, in the words of the command line: `tls.ca must ...` is `--tls-ca ca.pem must ...`. */
function inOptions(message: string, line: CommandLine): string {
  return message
    .replace(/^rpc: /, '')
    .replace('give tls.passphrase, or decrypt it', 'decrypt it with `openssl pkey`')
    .replace('the content of a file is meant, not its path', 'the file has none')
    .replace('tls.serverName', '--tls-server-name')
    .replace(/\btls\.(ca|cert|key)\b/g, (_, name: keyof typeof FILES) => {
      const file = line.text(FILES[name]);
      return `--${FILES[name]}${file === undefined ? '' : ` ${file}`}`;
    });
}
