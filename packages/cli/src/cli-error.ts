import { inspect } from 'node:util';
import { isRpcError } from '@org/rpc-core';
import { plainText, printable } from '@org/rpc-core/internal';

/** The exit codes of `rpc`: what a script may rely on. */
export const EXIT = {
  ok: 0,
  /** Wrong usage, or the command could not do its work. */
  failed: 1,
  /** The bench ran and a `--fail-on` threshold was crossed. */
  thresholdCrossed: 2,
  /** Stopped by SIGINT; what was measured so far is printed. 128 + 2, as shells expect. */
  interrupted: 130,
} as const;

/** A failure that is told in one line, without a stack: what is wrong and what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

/**
 * Any caught value as the one line that a user reads on stderr.
 * @param error - what was caught; line breaks in its message become spaces
 */
export function failureLine(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return plainText(text.replace(/\s*[\r\n]+\s*/g, ' ').trim());
}

/** A failure as JSON prints it: what a failed call knows, or the message alone. */
export function failureFields(error: unknown): Readonly<Record<string, unknown>> {
  if (!isRpcError(error)) return { message: error instanceof Error ? error.message : String(error) };
  const { message, code, reason, details, service, method, endpoint, progress, retryAfterMs, attempts } = error;
  const fields = { message, code, reason, details, service, method, endpoint, progress, retryAfterMs, attempts };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What else there is to say of a failed call, for people: what its handler added, and the attempts when asked for all. */
export function failureRemarks(error: unknown, isVerbose: boolean): string {
  if (!isRpcError(error)) return '';
  const lines: string[] = [];
  if (error.details !== undefined)
    lines.push(`details: ${inspect(error.details, { depth: 64, maxArrayLength: null, maxStringLength: null })}`);
  if (error.retryAfterMs !== undefined) lines.push(`try again after ${error.retryAfterMs} ms`);
  if (isVerbose)
    for (const [index, { endpoint, durationMs, code, progress }] of error.attempts.entries())
      lines.push(`attempt ${index + 1}: ${endpoint || 'nobody'}, ${durationMs.toFixed(1)} ms, ${code}, ${progress}`);
  return lines.map((line) => `${printable(line).replace(/^/gm, '  ')}\n`).join('');
}
