/**
 * Writes to stderr, and lets nothing come of it when that fails. A plain `process.stderr.write` throws where its file is on a disk that is full,
 * and emits an `error` where who read it is gone, which ends a process in which nobody listens to it. A server must not end because nobody could
 * be told what is wrong with it. An error that nobody listens to ends the process no more from then on, whoever has written.
 *
 * @param text - one line or several, with their line ends
 */
export function printLine(text: string): void {
  const { stderr } = process;
  // It stays: the error comes after the write, and `console.error`, which takes its listener away again, lets the second one through.
  if (!stderr.listeners('error').includes(ignore)) stderr.on('error', ignore);
  try {
    stderr.write(text);
  } catch {
    // There is nobody to be told.
  }
}

const ignore = (): void => {};
