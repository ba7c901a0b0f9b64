import { until } from '../../packages/registry-etcd/test/until.js';
import type { Rig } from './rig.js';

/** What else is done and demanded. */
export interface ClientInOptions {
  /** Runs when it has no descriptor left. */
  whenHoarded?(): Promise<void>;
  /** It has to begin with a list of an earlier run. */
  readonly remembers?: boolean;
}

/** A client process has a trouble of its own while it makes these calls: none of them may fail. */
export async function clientIn(
  rig: Rig,
  trouble: string,
  calls: number,
  { whenHoarded, remembers = false }: ClientInOptions = {},
): Promise<void> {
  const env = trouble === '' ? {} : { TROUBLE: trouble };
  const client = rig.processes.run('client-process.ts', [JSON.stringify(rig.clientOptions), String(calls)], env);
  if (whenHoarded !== undefined) {
    await until(() => client.output().includes('hoarded\n'), 'the descriptors to be taken', 30_000);
    await whenHoarded();
  }
  await client.exited;
  const told = client
    .output()
    .split('\n')
    .find((line) => line.startsWith('{'));
  const { failed, away, refusal, remembered } = JSON.parse(told ?? '{}') as {
    failed?: number;
    away?: number;
    refusal?: string;
    remembered?: boolean;
  };
  rig.check(failed === 0, `${failed} of ${calls} calls of the client process failed`);
  rig.check(away === 0, `the client process was not connected to ${away} servers in the end`);
  rig.check(!remembers || remembered === true, 'the client process did not begin with a remembered list');
  rig.notes.push(`${failed} of ${calls} calls of the client process failed`);
  if (whenHoarded === undefined) return;
  rig.check(/UNAVAILABLE: .*too many open files.*EMFILE/.test(refusal ?? ''), `a new client was told: ${refusal}`);
  rig.notes.push('a new one is told `UNAVAILABLE` and of `ulimit -n`');
}
