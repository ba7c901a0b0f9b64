import { hostname } from 'node:os';
import { inspect } from 'node:util';
import { createClient } from '@org/rpc';
import { type CallOptions, type Explanation, isRpcError } from '@org/rpc-core';
import { plainText, printable } from '@org/rpc-core/internal';
import { CliError, EXIT } from '../cli-error.js';
import type { Command } from '../command.js';
import { explainNoConnection } from '../connect.js';
import { createStyle } from '../format/style.js';
import { toTypedJson } from '../format/typed-json.js';
import type { CommandLine } from '../options/command-line.js';
import { CONNECTION_SPECS, connectionOptions } from '../options/connection-options.js';
import { METADATA_SPECS, metadataOptions } from '../options/metadata-options.js';
import { type MethodCall, parseMethodCall } from '../options/method-name.js';
import { durationOption } from '../options/values.js';
import { namedRegistry } from '../registry.js';
import type { Terminal } from '../terminal.js';
import { callAnyKind, KINDS, type Kind } from './call-any-kind.js';
import { readArguments } from './read-input.js';

/** What a call may take when nothing is said: longer than a client's usual second, since it has to connect first. */
const TIMEOUT_MS = 5_000;
/** How long the name of a client may be. */
const NAME_MAX = 200;
const TIMEOUT_BOUNDS = { min: 1, max: 86_400_000 };

/** `rpc call`: calls a method once and prints what it answers. */
export const callCommand: Command = {
  name: 'call',
  summary: 'call a method once and print its result, or the items of its stream',
  usage: ['rpc call <service.method> [arguments] [options]', 'rpc call <service.method> --args <file|-> [options]'],
  options: {
    ...CONNECTION_SPECS,
    timeout: {
      type: 'string',
      value: '<time>',
      help: 'of the whole call, connecting included; default 5s, none for streams',
    },
    'idle-timeout': { type: 'string', value: '<time>', help: 'how long a stream may be silent; default 60s' },
    ...METADATA_SPECS,
    args: { type: 'string', value: '<file|->', help: 'a JSON array of the arguments, from a file or standard input' },
    kind: {
      type: 'string',
      value: '<kind>',
      help: 'unary, stream, upload or duplex; default: what the server says it is',
    },
    explain: {
      type: 'boolean',
      help: 'tell which instances each attempt found, which it left out and why, which it took',
    },
    json: { type: 'boolean', help: 'print the result, each item of a stream, or the failure as JSON' },
  },
  notes: [
    'Arguments are JSON where they parse as JSON, else strings. A word that begins with a dash goes behind --.',
    'Uploads and duplex methods send the lines of standard input, each JSON or else a string. SIGINT cancels the call.',
    'What JSON has no word for is written and read as {"$date":"2026-11-02T00:00:00Z"}, and so $bigint, $bytes (base64), $map,',
    '$set, $error, $number (NaN), $undefined, $typed. --verbose tells who answered, how fast, and with which metadata.',
  ],
  examples: [
    'rpc call calculator.sum 1 2',
    `rpc call users.find '{"name":"ada"}' --registry etcd://10.0.0.1:2379 --metadata tenant=a --json`,
    'rpc call readings.latest 10 --json',
    'rpc call readings.record shed < values.txt',
    'rpc call orders.get 7 --tls-ca ca.crt --tls-cert me.crt --tls-key me.key',
  ],
  run: runCall,
};

/** The name under which servers and the console show calls by hand, so that nobody takes them for those of a program. */
function clientName(): string {
  return `rpc-call.${hostname()}`.replace(/[^\w.-]/g, '-').slice(0, NAME_MAX);
}

async function runCall(line: CommandLine, terminal: Terminal): Promise<number> {
  const named = parseMethodCall(line.positionals);
  const kind = kindOption(line);
  const connection = connectionOptions(line, terminal.environment);
  const metadata = metadataOptions(line);
  const timeoutMs = durationOption(line, 'timeout', TIMEOUT_BOUNDS);
  const idleTimeoutMs = durationOption(line, 'idle-timeout', TIMEOUT_BOUNDS);
  const call = await withArguments(named, line.text('args'), terminal);
  const interruption = new AbortController();
  const stopListening = terminal.onInterrupt(() => {
    // Whoever presses Ctrl-C twice does not want to wait.
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  });
  const registry = namedRegistry(connection.registry);
  const { namespace, tls, token } = connection;
  const client = createClient({ name: clientName(), registry, namespace, tls, token });
  const { signal } = interruption;
  const options: CallOptions = {
    metadata,
    signal,
    explain: line.flag('explain'),
    onResponse: (info) => {
      if (line.flag('verbose')) terminal.err(`${plainText(describeResponse(info))}\n`);
      showExplanations(info.explanations, terminal);
    },
  };
  const print = (value: unknown, indent: number): void =>
    terminal.out(`${line.flag('json') ? toTypedJson(value, indent) : printed(value, terminal)}\n`);
  try {
    await callAnyKind(client, call, {
      kind,
      unaryOptions: { ...options, timeoutMs: timeoutMs ?? TIMEOUT_MS },
      streamOptions: { ...options, ...(timeoutMs !== undefined && { timeoutMs }), idleTimeoutMs },
      terminal,
      onResult: (result) => {
        // A result alone is read as a whole: nothing is `null` there, as a method without a result gives it.
        print(line.flag('json') ? (result ?? null) : result, 2);
      },
      onItem: (item) => {
        // After Ctrl-C, items that have already arrived are not printed.
        signal.throwIfAborted();
        print(item, 0);
        return terminal.drained();
      },
    });
    return EXIT.ok;
  } catch (error) {
    if (signal.aborted) {
      terminal.err('rpc call: interrupted\n');
      return EXIT.interrupted;
    }
    if (isRpcError(error)) showExplanations(error.explanations, terminal);
    throw await explainNoConnection(error, registry, { ...connection, service: call.service }, terminal);
  } finally {
    stopListening();
    terminal.closeInput();
    await client.close();
  }
}

function kindOption(line: CommandLine): Kind | undefined {
  const text = line.text('kind');
  if (text === undefined || KINDS.some((kind) => kind === text)) return text as Kind | undefined;
  throw new CliError(`--kind '${text}' is none; there are ${KINDS.join(', ')}`);
}

async function withArguments(call: MethodCall, source: string | undefined, terminal: Terminal): Promise<MethodCall> {
  if (source === undefined) return call;
  if (call.args.length > 0) throw new CliError('arguments come from the command line or from --args, not from both');
  return { ...call, args: await readArguments(source, terminal) };
}

function showExplanations(explanations: readonly Explanation[] | undefined, terminal: Terminal): void {
  for (const { text } of explanations ?? []) terminal.err(`rpc call: ${plainText(text)}\n`);
}

function describeResponse(info: Parameters<NonNullable<CallOptions['onResponse']>>[0]): string {
  const tries = info.attempts === 1 ? '1 attempt' : `${info.attempts} attempts`;
  const pairs = Object.entries(info.metadata).map(([key, value]) => `${key}=${value}`);
  const metadata = pairs.length === 0 ? '' : `; metadata: ${pairs.join(' ')}`;
  return `rpc call: ${info.endpoint || 'nobody'} answered after ${info.durationMs.toFixed(1)} ms, ${tries}${metadata}`;
}

/** A value for people; a string as it is, so that it can be used in a shell without its quotes. */
function printed(value: unknown, terminal: Terminal): string {
  if (typeof value === 'string') return terminal.outIsTerminal ? printable(value) : value;
  const plain = inspect(value, INSPECT);
  const safe = printable(plain);
  if (safe !== plain) return safe;
  const isColoured = createStyle(terminal.outIsTerminal, terminal.environment).bold('x') !== 'x';
  return isColoured ? inspect(value, { ...INSPECT, colors: true }) : plain;
}

const INSPECT = { depth: 64, maxArrayLength: null, maxStringLength: null, breakLength: 100 } as const;
