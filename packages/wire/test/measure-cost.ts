/** Bytes of the heap and of buffers that are held after garbage collection. Needs --expose-gc. */
export function heldBytes(): number {
  // The second one waits for the threads that clean up behind the first.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Collects garbage where the process was started with --expose-gc. */
export function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** CPU time of some work in milliseconds, that of garbage collection meanwhile included. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A piece of work that takes about a millisecond on a usual machine of today: what the machine does besides slows both. */
export function referenceMs(): number {
  return cpuMs(() => {
    let hash = 0;
    for (let i = 0; i < 1_000_000; i++) hash = (Math.imul(hash, 31) + i) | 0;
    sink.push(hash);
    sink.length = 0;
  });
}

/** What the compiler must not take away. */
const sink: number[] = [];
