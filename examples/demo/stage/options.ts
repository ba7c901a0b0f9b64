import { parseArgs } from 'node:util';
import { registryFrom } from '@org/rpc';

/** What the command line says. */
export interface DemoOptions {
  /** The string form of a registry; `undefined`: `local:` in a directory of the demo's own. */
  readonly registry: string | undefined;
  /** How it is shown, without secrets. */
  readonly display: string;
  readonly durationMs: number;
}

/** What `--help` prints. */
export const HELP = `npm run demo -- [options]

  --registry <registry>  where servers and client find each other, such as etcd://127.0.0.1:2379;
                         default local:, which needs nothing to be installed
  --seconds <number>     how long calls are made, 4 to 3600; default 16
  --help                 this text`;

/**
 * Reads the command line.
 * @returns `undefined` when only help is wanted
 * @throws TypeError that says what is wrong
 */
export function readOptions(words: readonly string[]): DemoOptions | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: { registry: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) return undefined;
  const seconds = Number(values.seconds ?? 16);
  if (!(seconds >= 4 && seconds <= 3600))
    throw new TypeError(`--seconds must be a number from 4 to 3600, not '${values.seconds}'`);
  const { registry } = values;
  if (registry === undefined)
    return { registry, display: 'a temporary directory (local:)', durationMs: seconds * 1000 };
  const parsed = registryFrom(registry, '--registry');
  return { registry, display: parsed.display, durationMs: seconds * 1000 };
}
