import { CliError } from '../cli-error.js';
import type { CommandLine, OptionSpecs } from '../options/command-line.js';
import {
  CONNECTION_SPECS,
  type ConnectionOptions,
  connectionOptions,
  TIMEOUT_SPEC,
  timeoutOption,
} from '../options/connection-options.js';
import { METADATA_SPECS, metadataOptions } from '../options/metadata-options.js';
import { type MethodCall, parseMethodCall } from '../options/method-name.js';
import { bytesOption, countOption, durationOption, numberOption } from '../options/values.js';
import type { Load, LoadSpan } from './load/load.js';
import { parseThresholds, type Threshold } from './report/thresholds.js';
import { seededRandom } from './seeded-random.js';

/** A bench as it was asked for, complete and checked. */
export interface BenchOptions extends MethodCall, ConnectionOptions {
  /** Whether the bench starts its own server. */
  readonly self: boolean;
  readonly load: Load;
  readonly span: LoadSpan;
  /** How many clients the load is spread over, each with connections of its own. */
  readonly connections: number;
  readonly timeoutMs: number;
  /** Sent with each call. It is in no report: it may hold secrets. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether failed attempts may be repeated. */
  readonly idempotent: boolean;
  /** Bytes of the string that was added as the last argument, `undefined` for none. */
  readonly payloadBytes: number | undefined;
  /** Of the arrivals and the payload: the same seed gives the same load. */
  readonly seed: number;
  readonly json: boolean;
  readonly quiet: boolean;
  /** File that the HTML report is written to. */
  readonly html: string | undefined;
  /** File with the JSON report of an earlier run. */
  readonly compare: string | undefined;
  readonly thresholds: readonly Threshold[];
}

/** The options of `rpc bench`. */
export const BENCH_SPECS = {
  ...CONNECTION_SPECS,
  self: { type: 'boolean', help: 'start a server of its own and stop it afterwards; methods bench.sum and bench.echo' },
  duration: {
    type: 'string',
    short: 'd',
    value: '<time>',
    help: 'of the measuring; default 10s, none with --requests',
  },
  requests: { type: 'string', short: 'n', value: '<count>', help: 'end after so many measured calls' },
  warmup: { type: 'string', value: '<time>', help: 'before the measuring, not counted; default 2s' },
  connections: {
    type: 'string',
    short: 'c',
    value: '<count>',
    help: 'clients, each with its own connections; default 1',
  },
  concurrency: { type: 'string', value: '<count>', help: 'closed loop: calls in flight, over all clients; default 64' },
  rate: {
    type: 'string',
    short: 'r',
    value: '<per second>',
    help: 'open loop: calls start at this rate, answered or not',
  },
  uniform: { type: 'boolean', help: 'open loop: equal gaps between calls instead of Poisson arrivals' },
  'max-in-flight': {
    type: 'string',
    value: '<count>',
    help: 'open loop: calls beyond it are dropped and counted; default rate x timeout, 1000 to 100000',
  },
  ...TIMEOUT_SPEC,
  ...METADATA_SPECS,
  idempotent: { type: 'boolean', help: 'the method may be repeated: failed attempts are retried on another endpoint' },
  payload: { type: 'string', value: '<size>', help: 'add a string of this size (512, 16k, 1MiB) as the last argument' },
  seed: { type: 'string', value: '<number>', help: 'of arrivals and payload; default: another one each time' },
  json: { type: 'boolean', help: 'print the report as JSON' },
  html: { type: 'string', value: '<file>', help: 'write the report as one self-contained HTML file' },
  compare: { type: 'string', value: '<file>', help: 'compare with the JSON report of an earlier run' },
  'fail-on': {
    type: 'string',
    value: '<list>',
    help: "exit with 2 when one is true: 'p99>10ms,errors>0.1%,rps<5000', with --compare also 'p99>+10%'",
  },
  quiet: { type: 'boolean', help: 'no progress on stderr' },
} as const satisfies OptionSpecs;

const DAY_MS = 86_400_000;
const IN_FLIGHT_MAX = 100_000;
const IN_FLIGHT_MIN = 1000;
const DURATION_MS = 10_000;
const WARMUP_MS = 2000;
/** How long after its timeout a call may take to fail, in milliseconds. */
const DRAIN_GRACE_MS = 1000;

/**
 * Resolves the command line of `rpc bench`.
 * @param newSeed - the seed when none is given, an integer from 0 to 2^32 - 1
 * @param environment - of the process; default nothing
 * @throws CliError when an option is wrong, or two exclude each other
 */
export function resolveBenchOptions(
  line: CommandLine,
  newSeed: () => number,
  environment: Readonly<Record<string, string | undefined>> = {},
): BenchOptions {
  const self = line.flag('self');
  const seed = countOption(line, 'seed', { min: 0, max: 2 ** 32 - 1 }) ?? newSeed();
  const payloadBytes = bytesOption(line, 'payload', { min: 0, max: 64 * 1_048_576 });
  const connections = countOption(line, 'connections', { min: 1, max: 10_000 }) ?? 1;
  const timeoutMs = timeoutOption(line);
  const load = resolveLoad(line, connections, timeoutMs);
  const compare = line.text('compare');
  const thresholds = parseThresholds(line.text('fail-on') ?? '', compare !== undefined);
  if (self && line.text('registry') !== undefined) {
    throw new CliError('--self starts its own server: leave out --registry');
  }
  const call = resolveCall(line.positionals, self, payloadBytes, seed);
  const connection = connectionOptions(line, environment);
  if (self && connection.tls !== undefined) {
    throw new CliError('--self starts its own server, in plaintext: leave out --tls');
  }
  return {
    ...call,
    ...connection,
    self,
    load,
    span: resolveSpan(line, timeoutMs),
    connections,
    timeoutMs,
    metadata: metadataOptions(line),
    idempotent: line.flag('idempotent'),
    payloadBytes,
    seed,
    json: line.flag('json'),
    quiet: line.flag('quiet'),
    html: line.text('html'),
    compare,
    thresholds,
  };
}

function resolveCall(
  positionals: readonly string[],
  self: boolean,
  payloadBytes: number | undefined,
  seed: number,
): MethodCall {
  const ownMethod = payloadBytes === undefined ? ['bench.sum', '1', '2'] : ['bench.echo'];
  const call = parseMethodCall(self && positionals.length === 0 ? ownMethod : positionals);
  return payloadBytes === undefined ? call : { ...call, args: [...call.args, createPayload(payloadBytes, seed)] };
}

function resolveLoad(line: CommandLine, connections: number, timeoutMs: number): Load {
  const ratePerSecond = numberOption(line, 'rate', { min: 0.001, max: 10_000_000 });
  const concurrency = countOption(line, 'concurrency', { min: 1, max: IN_FLIGHT_MAX });
  const maxInFlight = countOption(line, 'max-in-flight', { min: 1, max: 1_000_000 });
  if (ratePerSecond !== undefined) {
    if (concurrency !== undefined) {
      throw new CliError(
        '--rate and --concurrency exclude each other: to bound the calls in flight, use --max-in-flight',
      );
    }
    const usual = Math.min(IN_FLIGHT_MAX, Math.max(IN_FLIGHT_MIN, Math.ceil((ratePerSecond * timeoutMs) / 1000)));
    const arrivals = line.flag('uniform') ? 'uniform' : 'poisson';
    return { kind: 'open', ratePerSecond, arrivals, maxInFlight: maxInFlight ?? usual };
  }
  for (const [name, given] of [
    ['uniform', line.flag('uniform')],
    ['max-in-flight', maxInFlight !== undefined],
  ] as const) {
    if (given) throw new CliError(`--${name} is for the open loop: give a --rate with it`);
  }
  const callers = concurrency ?? Math.max(64, connections);
  if (callers < connections) {
    throw new CliError(`--concurrency ${callers} leaves some of the ${connections} connections without a call`);
  }
  return { kind: 'closed', concurrency: callers };
}

function resolveSpan(line: CommandLine, timeoutMs: number): LoadSpan {
  const requests = countOption(line, 'requests', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const durationMs = durationOption(line, 'duration', { min: 1, max: DAY_MS });
  return {
    warmupMs: durationOption(line, 'warmup', { min: 0, max: DAY_MS }) ?? WARMUP_MS,
    durationMs: durationMs ?? (requests === undefined ? DURATION_MS : undefined),
    requests,
    drainMs: timeoutMs + DRAIN_GRACE_MS,
  };
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/**
 * A string of letters and digits that takes `bytes` bytes and does not compress to nothing.
 * @param seed - the same one gives the same string
 */
export function createPayload(bytes: number, seed: number): string {
  const random = seededRandom(seed);
  const buffer = Buffer.allocUnsafe(bytes);
  for (let index = 0; index < bytes; index++) {
    buffer[index] = LETTERS.charCodeAt(Math.floor(random() * LETTERS.length));
  }
  return buffer.toString('latin1');
}
