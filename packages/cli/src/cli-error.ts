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
  return text.replace(/\s*[\r\n]+\s*/g, ' ').trim();
}
