import { printLine } from '@org/rpc-core/internal';
import type { RegistryEvent } from '@org/rpc-registry';

/** Tells the operator about a server's registration when nobody listens to its events. */
export interface RegistryNotices {
  /** Takes an event that nobody listened to. */
  hear(event: RegistryEvent): void;
}

/**
 * Prints one line when a server cannot be registered, or when another server has taken its id and its calls, and another line when
 * the problem is over. No other registry events are printed, and no line twice.
 *
 * @param instance - the id of the server
 * @param write - writes a line; by default to stderr
 */
export function createRegistryNotices(instance: string, write: (line: string) => void = printLine): RegistryNotices {
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
