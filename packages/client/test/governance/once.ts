/** Runs a scene once for each seed, whoever asks first: several rows are read from one run. */
export function once<T>(run: (seed: number) => Promise<T>): (seed: number) => Promise<T> {
  const reports = new Map<number, Promise<T>>();
  return (seed) => {
    const report = reports.get(seed) ?? run(seed);
    reports.set(seed, report);
    return report;
  };
}
