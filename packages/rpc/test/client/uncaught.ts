/** Gives the exception that surfaces uncaught while `run` runs. Without one it never resolves. */
export async function uncaughtIn(run: () => Promise<void>): Promise<unknown> {
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  try {
    await run();
    return await uncaught;
  } finally {
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
}
