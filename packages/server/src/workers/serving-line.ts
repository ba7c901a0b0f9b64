import { type Endpoint, endpointAddress } from '@org/rpc-registry';

/** The variable by which `rpc serve` asks the program that it runs for a line when all serve: its own id as a process, for others inherit it. */
export const SERVE_PARENT = 'RPC_SERVE';

/** Of many, so many are named. */
const NAMED_MAX = 8;

/** What serves where, in a line for people. */
export function servingLine(parts: {
  readonly services: readonly string[];
  readonly address: Pick<Endpoint, 'host' | 'port' | 'path'>;
  /** Of the workers. */
  readonly pids: readonly (number | undefined)[];
}): string {
  const { address, pids } = parts;
  // Those of every server say nothing of this one.
  const services = parts.services.filter((name) => !name.startsWith('rpc.'));
  const [workers, processes] =
    pids.length === 1 ? ['1 worker serves', 'process'] : [`${pids.length} workers serve`, 'processes'];
  return `${workers} ${some(services) || 'no service'} at ${endpointAddress(address)} (${processes} ${some(pids)})`;
}

function some(names: readonly unknown[]): string {
  const more = names.length - NAMED_MAX;
  return more > 0 ? `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more` : names.join(', ');
}
