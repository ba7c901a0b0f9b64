import type { SimulationReport } from '@org/rpc-testkit';

/** Runs a scene once for each seed, whoever asks first: several rows are read from one run. */
export function once(run: (seed: number) => Promise<SimulationReport>): (seed: number) => Promise<SimulationReport> {
  const reports = new Map<number, Promise<SimulationReport>>();
  return (seed) => {
    const report = reports.get(seed) ?? run(seed);
    reports.set(seed, report);
    return report;
  };
}
