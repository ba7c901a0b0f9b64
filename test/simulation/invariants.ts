import type { CallRecord, Execution, Ledger } from './ledger.js';
import { type ClientValues, CREDIT_BYTES } from './script.js';
import type { Member, World } from './world.js';

/** How much later than its deadline a call may settle, in virtual milliseconds: the grain of timers, and some. */
const TOLERANCE_MS = 5;

/** The most retries that a rule gives, besides what clients say. */
const RULE_RETRIES = 3;

/** Bytes that may wait on a connection: four times what it is held back at, and one message. */
const QUEUED_MAX = 4 * 8 * 1024 * 1024 + 4 * 1024 * 1024;

/** An item that goes over it and those that both ends hold in their hands. */
const ITEMS_BEYOND = 3;

/** Repeats for nothing in a run of some seconds: the spare ones, and trials. */
const SPARE_REPEATS = 12;

/** Of a call's repeats, as the budget counts them: a fifth, and the floor. */
const REPEATS_PER_CALL = 0.27;

/** What a client says when it finds no node. */
const NO_NODE = /takes calls|has no instance|has not answered yet/;

/** I1 and I5, while calls are made: nothing is open after its end, and what waits to be written is bounded. */
export function checkOpen({ ledger, clock, lines }: World): void {
  const now = clock.now();
  for (const record of ledger.calls.values()) {
    const lateMs = now - ledger.endOf(record, toleranceMs(record));
    if (record.settledAt === undefined && lateMs > 0)
      ledger.violate('I1', `call ${record.id} (${record.call}) is open ${lateMs.toFixed(0)} ms after its end`);
  }
  for (const { queuedMax } of lines)
    if (queuedMax > QUEUED_MAX) ledger.violate('I5', `${queuedMax} bytes wait on a connection`);
}

/** I1 to I7, when all is over. */
export function checkCalls(world: World): void {
  const { ledger, members } = world;
  for (const record of ledger.calls.values()) {
    const { id, call, settledAt } = record;
    const lateMs = (settledAt ?? 0) - ledger.endOf(record, toleranceMs(record));
    if (lateMs > 0) ledger.violate('I1', `call ${id} (${call}) has settled ${lateMs.toFixed(1)} ms after its end`);
    checkExecutions(ledger, record, members[record.client]!.values);
    checkNode(world, record);
  }
  for (const [name, { openMax, itemBytes }] of ledger.flows) {
    if (openMax > CREDIT_BYTES + ITEMS_BEYOND * (itemBytes + 64))
      ledger.violate('I5', `${openMax} bytes of stream ${name} were on their way`);
  }
  members.forEach((member, index) => {
    checkBudget(ledger, member, index);
  });
}

/** How late a call may be: who reads a stream hears of its end after the items that have come before. */
function toleranceMs({ call, flow }: CallRecord): number {
  return TOLERANCE_MS + (call === 'count' || call === 'chat' ? flow.readMs * (flow.items + 1) : 0);
}

/** I2: what must not be repeated runs once at most, and nothing more often than it may be tried. */
function checkExecutions(ledger: Ledger, { id, call, outcome, said }: CallRecord, values: ClientValues): void {
  const runs = runsOf(ledger, id);
  const behind = Math.max(RULE_RETRIES, values.retry === false ? 0 : (values.retry?.max ?? 0));
  // What a call says itself goes before rules.
  const retries = said.retry === undefined ? behind : said.retry === false ? 0 : said.retry.max;
  const hedges =
    said.hedge === undefined ? Math.max(1, values.hedge?.max ?? 0) : said.hedge === false ? 0 : said.hedge.max;
  const attempts = 1 + retries + hedges;
  if (call === 'broadcast') {
    for (const { host } of runs) {
      const here = runs.filter((each) => each.host === host).length;
      if (here > attempts) ledger.violate('I2', `call ${id} ran ${here} times at ${host}`);
    }
    return;
  }
  if (runs.length > (call === 'repeatable' ? attempts : 1))
    ledger.violate(
      'I2',
      `call ${id} (${call}) ran ${runs.length} times: at ${runs.map(({ host }) => host).join(', ')}`,
    );
  if (outcome?.startsWith('ok') && call !== 'note' && runs.length === 0)
    ledger.violate('I3', `call ${id} (${call}) was answered, and never ran`);
}

function runsOf(ledger: Ledger, id: number): readonly Execution[] {
  return (ledger.executions.get(id) ?? []).filter(({ isMirror }) => !isMirror);
}

/** I7: as long as there is a server that the client has known, and to which nothing has happened, no call finds none. */
function checkNode({ ledger, hosts, disturbed, members }: World, record: CallRecord): void {
  const { id, client, outcome, message, startedAt } = record;
  if (outcome !== 'UNAVAILABLE unsent' || message === undefined || !NO_NODE.test(message)) return;
  const { upSince } = members[client]!;
  const well = hosts.filter((host, index) => !disturbed[client]!.has(index) && upSince.get(host.id)! <= startedAt);
  if (well.length > 0) ledger.violate('I7', `call ${id} finds no node, and ${well[0]!.id} is well: ${message}`);
}

/** I6: what is repeated is a share of the calls. */
function checkBudget(ledger: Ledger, { values }: Member, client: number): void {
  // Every call to several nodes at once asks no budget.
  if (values.hedge?.delayMs === 0) return;
  let calls = 0;
  let repeats = 0;
  for (const record of ledger.calls.values()) {
    if (record.client !== client || record.call === 'broadcast') continue;
    if (record.said.hedge && record.said.hedge.delayMs === 0) continue;
    calls++;
    repeats += Math.max(0, runsOf(ledger, record.id).length - 1);
  }
  if (repeats > REPEATS_PER_CALL * calls + SPARE_REPEATS)
    ledger.violate('I6', `${repeats} repeats of ${calls} calls of client ${client}`);
}
