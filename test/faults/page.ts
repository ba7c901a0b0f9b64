import { execFile } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { findBinary } from '../../packages/registry-etcd/test/etcd-member.js';
import { elsewhereTable } from './elsewhere.js';
import type { Outcome } from './scenario.js';
import { markdownTable } from './table.js';

/** How a run was made. */
export interface RunFacts {
  readonly startedAt: Date;
  readonly short: boolean;
  /** Faults at a time, the long outage beside them not counted. */
  readonly atOnce: number;
}

/** The published page of a run. */
export async function page(outcomes: readonly Outcome[], run: RunFacts): Promise<string> {
  const { startedAt, short, atOnce } = run;
  const etcd = (await promisify(execFile)(findBinary('etcd'), ['--version'])).stdout.split('\n')[0]!;
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const made = outcomes.reduce((sum, outcome) => sum + outcome.made, 0);
  const failed = outcomes.reduce((sum, outcome) => sum + outcome.failed, 0);
  return `# Faults

What was done to real processes while a client called them without a pause, and what came of it. Written by \`npm run faults\`${short ? ' in its short form' : ''};
nothing in the table is typed in by hand.

- **date** ${startedAt.toISOString().slice(0, 10)}; **machine** ${machine}, ${type()} ${release()}; **Node.js** ${process.version}; **etcd** ${etcd.replace('etcd Version: ', '')}
- **calls** ${made.toLocaleString('en')} made, ${failed.toLocaleString('en')} failed; every second one is not safe to repeat, and is not repeated once it may have run
- ${atOnce === 1 ? 'one fault' : `${atOnce} faults`} at a time and the long outage beside; clients, server processes, etcds and whatever else ran on the machine shared
  its cores: take times as upper bounds

${markdownTable(outcomes)}

- **lasted**: from the first harm to the end of the fault, the time included in which etcd starts.
- **failed**: calls that ended with an error, for whatever reason. A call that is not safe to repeat and was in flight to a server
  that dies or freezes has to fail; no fault of the registry is a reason to.
- **longest call**: of all calls, retries and waits included.
- **agreed after**: from the end of the fault until etcd holds the entries of exactly the living servers, and each client has a
  fresh list of exactly these and a connection to each; it counts from when they stay agreed. 0.0 s: they never disagreed, or no longer did.
  Nobody can agree before etcd itself answers; where that took a while, it is said. An etcd that is silent or refuses is asked every
  second or so whether it is back, but for a wrong password: each try of one is dear to etcd, so they come more and more slowly, up to
  every 30 s. Calls wait for none of this.

## Shown by tests alone

What one connection, one certificate or one process is enough to show. Each line names tests of \`npm test\` by their titles.

${elsewhereTable()}

Floods and lack of memory have a table of their own: [security](security.md), [overload](overload.md).

## Repeat it

\`\`\`sh
npm run faults                                  # all, about half an hour
npm run faults -- --short                       # in minutes
npm run faults -- --only etcd-killed            # one of them
npm run faults -- --markdown docs/faults.md     # writes this page
\`\`\`

It needs etcd 3.4 or newer (\`node scripts/etcd.mjs ensure\`) and a free machine; what happens in a network or on a disk of its own needs a Linux that lets its users have
namespaces (\`unshare\`). \`npm test\` runs these faults in
their short form, those of lines and of processes one after the other upon the same servers, and demands that no call fails and that all views
agree in the end.

One fault after the other, in an order that a seed decides (kills, restarts, wipes, freezes, compactions, revoked leases, deleted entries, replaced members):
\`npm run faults:sequences\` brings a hundred such sequences, and demands that servers and clients agree with etcd within 2 s of
its answering, whatever came before.
`;
}
