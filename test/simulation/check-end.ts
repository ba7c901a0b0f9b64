import type { RpcError } from '@org/rpc';
import { checkOpen } from './invariants.js';
import type { Flow } from './script.js';
import { Work } from './work.js';
import type { Member, World } from './world.js';

/** How long clients may take to find all servers again when nothing is wrong any more, in virtual milliseconds. */
const CONVERGED_MS = 35_000;

/** How many calls each client makes then. */
const LAST_CALLS = 5;

/** The answers to what is asked at the end belong to no call of the script. */
const LAST: Flow = { id: 1_000_000, workMs: 0, bytes: 10, items: 0, sendMs: 0, readMs: 0 };

/** I8: when nothing is wrong any more, everybody finds everybody, calls go through, and nothing is left behind. */
export async function checkEnd(world: World): Promise<void> {
  const { ledger, members } = world;
  const left = await converge(world);
  if (left !== '') return ledger.violate('I8', `after ${CONVERGED_MS / 1_000} s clients see ${left}`);
  for (const member of members) await checkService(world, member);
  for (const { client } of members)
    for (const { instance, inFlight } of nodesOf(client))
      if (inFlight !== 0) ledger.violate('I8', `${inFlight} calls are in flight to ${instance} at the end`);
  await world.close();
  checkNothingLeft(world);
}

/** Waits until all calls have ended and every client sees what is there. @returns what is seen otherwise */
async function converge(world: World): Promise<string> {
  const { clock, ledger, members } = world;
  const healedAt = clock.now();
  for (;;) {
    await clock.advance(1_000);
    checkOpen(world);
    const left = members.map((member) => difference(world, member)).join('');
    const isOpen = [...ledger.calls.values()].some(({ settledAt }) => settledAt === undefined);
    if ((left === '' && !isOpen) || clock.now() - healedAt > CONVERGED_MS) return left;
  }
}

function nodesOf(client: Member['client']) {
  return client.state().services[Work.name]?.nodes ?? [];
}

/** What a client sees otherwise than it is; nothing where it has never called. */
function difference({ truth }: World, { client }: Member): string {
  if (client.state().services[Work.name] === undefined) return '';
  const seen = nodesOf(client).map(
    ({ instance, connection, listed }) => `${instance} ${connection}${listed ? '' : ' unlisted'}`,
  );
  const due = truth.map((id) => `${id} ready`);
  return seen.sort().join() === due.join() ? '' : `${seen.join() || 'nothing'} where there are ${due.join()}; `;
}

async function checkService({ clock, ledger, truth }: World, { client }: Member): Promise<void> {
  if (client.state().services[Work.name] === undefined) return;
  const options = { timeoutMs: 3_000 };
  const look = (what: string, error: RpcError | undefined): void => {
    // Limits hold at the end too.
    if (error !== undefined && error.code !== 'RESOURCE_EXHAUSTED')
      ledger.violate('I8', `${what} fails at the end: ${error.message}`);
  };
  const all = await finish(clock, client.broadcast(Work, 'repeatable', [LAST], options));
  if (all.length !== truth.length)
    ledger.violate('I8', `${all.length} of ${truth.length} servers are called at the end`);
  for (const { instance, error } of all) look(`a call to ${instance}`, error);
  for (let i = 0; i < LAST_CALLS; i++) {
    const call = client.call(Work, 'repeatable', [LAST], options).then(
      () => undefined,
      (error: RpcError) => error,
    );
    look('a call', await finish(clock, call));
    await clock.advance(300);
  }
}

/** Lets time pass until a promise has settled. */
async function finish<T>(clock: World['clock'], promise: PromiseLike<T>): Promise<T> {
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  promise.then(end, end);
  for (let i = 0; i < 300 && !isOver; i++) await clock.advance(20);
  return promise;
}

function checkNothingLeft({ ledger, lines, members, hosts }: World): void {
  const open = lines.filter(({ isOver }) => !isOver).length;
  if (open > 0) ledger.violate('I8', `${open} connections are open when all is closed`);
  for (const { clock, registry } of members) {
    if (clock.pending > 0) ledger.violate('I8', `${clock.pending} timers of a closed client are set`);
    if (registry.openHandles() > 0) ledger.violate('I8', 'a closed client follows its registry');
  }
  for (const { process, id, server } of hosts) {
    if (process.pending > 0) ledger.violate('I8', `${process.pending} timers of ${id}, which is closed, are set`);
    if (server.running > 0) ledger.violate('I8', `${server.running} calls run at ${id}, which is closed`);
  }
}
