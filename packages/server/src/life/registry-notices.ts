import type { RegistryEvent } from '@org/rpc-registry';

/** What an operator must hear of a server's registration although nobody listens to its events. */
export interface RegistryNotices {
  /** Takes an event that nobody has listened to. */
  hear(event: RegistryEvent): void;
}

/**
 * Prints one line when a server cannot be registered or another one has taken its id and its calls, and another line when that is
 * over. Nothing else of a registry is printed, and nothing twice.
 *
 * @param instance - the id of the server
 * @param write - where a line goes; by default to stderr
 */
export function createRegistryNotices(
  instance: string,
  write: (line: string) => void = (line) => void process.stderr.write(line),
): RegistryNotices {
  let told: RegistryEvent['kind'] | undefined;
  const say = (text: string): void => write(`[rpc] server ${instance} ${text.slice(0, LENGTH_MAX)}\n`);
  return {
    hear({ kind, message }) {
      if (kind === 'unreachable' || kind === 'conflict') {
        if (told === kind) return;
        told = kind;
        say(`${kind === 'conflict' ? 'is not the only one of its name' : 'cannot be registered'}: ${message}`);
      } else if (told !== undefined && (kind === 'registered' || (kind === 'recovered' && told === 'unreachable'))) {
        told = undefined;
        say(kind === 'registered' ? 'is registered again' : `is in touch with its registry again: ${message}`);
      }
    },
  };
}

const LENGTH_MAX = 1_000;
