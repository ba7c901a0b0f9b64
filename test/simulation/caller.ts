import { type Client, isRpcError } from '@org/rpc';
import { RULE_TIMEOUT_MAX_MS } from './generate.js';
import type { CallRecord, Ledger } from './ledger.js';
import type { ProcessClock } from './process-clock.js';
import { CHAOS_MS, type ClientValues, type Step } from './script.js';
import { type Answer, inOrder, isDataOf, type Piece, pieces, Work } from './work.js';

type CallStep = Extract<Step, { kind: 'call' }>;

/** The timeout of calls for which nobody says one, in milliseconds. */
const TIMEOUT_MS = 1_000;

/** When a stream without a timeout must be over at the latest: well after the last fault is. */
const STREAM_END_MS = CHAOS_MS + 30_000;

/** One who makes calls. */
export interface Caller {
  readonly client: Client;
  readonly values: ClientValues;
  readonly clock: ProcessClock;
  readonly ledger: Ledger;
}

/** Makes a call as its step says, and notes how it ends. */
export function makeCall(caller: Caller, step: CallStep): void {
  const { clock, ledger, values } = caller;
  const { call, flow, said } = step;
  const isStream = call === 'count' || call === 'gather' || call === 'chat';
  const now = clock.now();
  const longestMs = said.timeoutMs ?? Math.max(values.timeoutMs ?? TIMEOUT_MS, RULE_TIMEOUT_MAX_MS);
  const record: CallRecord = {
    id: flow.id,
    client: step.client,
    call,
    flow,
    said,
    startedAt: now,
    settleBy: isStream && said.timeoutMs === undefined ? STREAM_END_MS : now + longestMs,
    settledAt: undefined,
    outcome: undefined,
    message: undefined,
  };
  ledger.begun(record);
  const controller = new AbortController();
  const { cancelAfterMs, ...rest } = said;
  if (cancelAfterMs !== undefined)
    clock.schedule(cancelAfterMs, () => {
      record.settleBy = Math.min(record.settleBy, clock.now());
      controller.abort();
    });
  const options = {
    ...rest,
    ...(cancelAfterMs === undefined ? {} : { signal: controller.signal }),
    ...(isStream ? { idleTimeoutMs: 5_000 } : {}),
  };
  run(caller, step, options).then(
    (outcome) => ledger.settled(record, outcome),
    (error: unknown) => {
      if (!isRpcError(error)) ledger.violate('I1', `call ${flow.id} failed with what is no RpcError: ${String(error)}`);
      record.message = isRpcError(error) ? error.message : undefined;
      ledger.settled(record, isRpcError(error) ? `${error.code} ${error.progress}` : 'broken');
    },
  );
}

async function run({ client, clock, ledger }: Caller, { call, flow }: CallStep, options: object): Promise<string> {
  const stub = client.service(Work).with(options);
  const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.schedule(ms, resolve));
  const check = ({ id, data, host }: Answer): string => {
    if (id !== flow.id || !isDataOf(flow.id, flow.bytes, data))
      ledger.violate('I3', `call ${flow.id} was given the answer to ${id}`);
    return `ok ${host}`;
  };
  const read = async (items: AsyncIterable<Piece>): Promise<string> => {
    let count = 0;
    const { leavesAfter = Number.POSITIVE_INFINITY } = flow;
    for await (const _ of inOrder(items, `${flow.id} down`, flow, { ledger, wait }))
      if (++count >= leavesAfter) return 'ok left';
    if (count !== flow.items) ledger.violate('I4', `call ${flow.id} has ended after ${count} of ${flow.items} items`);
    return 'ok';
  };
  const up = (): AsyncIterable<Piece> => pieces(`${flow.id} up`, flow, { ledger, wait });
  switch (call) {
    case 'repeatable':
      return check(await stub.repeatable(flow));
    case 'once':
      return check(await stub.once(flow));
    case 'note':
      await stub.note(flow);
      return 'ok';
    case 'count':
      return read(stub.count(flow));
    case 'gather': {
      const count = await stub.gather(up(), flow);
      if (count !== flow.items) ledger.violate('I4', `call ${flow.id}: ${count} of ${flow.items} items have arrived`);
      return 'ok';
    }
    case 'chat':
      return read(stub.chat(up(), flow));
    case 'broadcast': {
      const outcomes = await client.broadcast(Work, 'repeatable', [flow], options);
      for (const { value } of outcomes) if (value !== undefined) check(value);
      return `ok ${outcomes.map(({ instance, error }) => `${instance}: ${error?.code ?? 'ok'}`).join(', ')}`;
    }
  }
}
