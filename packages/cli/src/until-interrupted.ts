import type { Terminal } from './terminal.js';

/**
 * Does something again and again until SIGINT.
 * @param run - its errors end the repetition
 * @param pauseMs - between two runs
 */
export async function untilInterrupted(
  terminal: Pick<Terminal, 'clock' | 'onInterrupt'>,
  pauseMs: number,
  run: () => void | Promise<void>,
): Promise<void> {
  let isOver = false;
  let wake = (): void => {};
  const stop = terminal.onInterrupt(() => {
    isOver = true;
    wake();
  });
  try {
    while (!isOver) {
      await run();
      if (isOver) break;
      await new Promise<void>((resolve) => {
        const cancel = terminal.clock.schedule(pauseMs, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
    }
  } finally {
    stop();
  }
}
