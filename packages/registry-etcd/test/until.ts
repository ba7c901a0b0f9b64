/**
 * Waits for something that happens outside of this process: asks again every 20 ms until it holds.
 *
 * @param what - for the error: `the key to be written`
 * @throws Error when it does not hold within `timeoutMs`
 */
export async function until(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 5_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
