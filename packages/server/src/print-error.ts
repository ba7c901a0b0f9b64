import { inspect } from 'node:util';
import { isRpcError, type Peer, type RpcError } from '@org/rpc-core';
import { plainText, printLine } from '@org/rpc-core/internal';

/**
 * Prints what a handler threw, for servers that nobody watches, and at which instance, for several may share an output. One line that cannot be
 * forged, then the stack.
 */
export function printHandlerError(
  instance: string,
  event: { service: string; method: string; error: unknown; correlationId: string; peer: Pick<Peer, 'name'> },
): void {
  const { service, method, error, correlationId, peer } = event;
  const text = shown(error).slice(0, LENGTH_MAX);
  // What was thrown may hold lines that look like this one: only ours begin at the margin.
  const indented = text.replace(/\r\n?|\n/g, '\n    ');
  printLine(
    `[rpc] handler ${service}.${method} at [${plainText(instance)}] failed (${correlationId}${calledBy(peer)}): ${indented}\n`,
  );
}

/** The name is what the peer says. */
function calledBy({ name }: Pick<Peer, 'name'>): string {
  return name === undefined ? '' : `, called by ${name.slice(0, NAME_MAX).replace(/[^\x21-\x7e]/g, '?')}`;
}

const NAME_MAX = 100;

const LENGTH_MAX = 8192;

/** Causes that are printed, one under the other. */
const CAUSES_MAX = 3;

/** Where these packages lie, side by side. A bundle is one file, the user's too, and as CommonJS does not know where it is. */
function ownPlaces(): string[] {
  try {
    const { href, pathname } = new URL('../../', import.meta.url);
    return [href, pathname];
  } catch {
    return [];
  }
}

/** The error of a call says which call it was; of the way to it only what the user wrote tells more, if the stack goes that far. */
function withoutOwnFrames({ stack, message }: RpcError): string {
  const frames = stack?.split('\n').filter((line) => /^ {4}at /.test(line)) ?? [];
  const places = ['node:internal', ...ownPlaces()];
  const others = frames.filter((line) => !places.some((place) => line.includes(place)));
  return [`RpcError: ${message}`, ...others].join('\n');
}

/** A handler may throw anything, also what throws when it is looked at. */
function shown(error: unknown): string {
  try {
    return String(error instanceof Error ? describe(error) : inspect(error));
  } catch {
    return 'something that throws when it is looked at';
  }
}

function describe(error: Error): string {
  const texts: string[] = [];
  for (let at: unknown = error; at instanceof Error && texts.length <= CAUSES_MAX; at = at.cause) {
    texts.push(isRpcError(at) ? withoutOwnFrames(at) : (at.stack ?? at.message));
  }
  return texts.join('\ncaused by: ');
}
