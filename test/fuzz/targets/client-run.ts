import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { isRpcError } from '../../../packages/rpc-core/src/error.js';
import { type MethodRef, wireName } from '../../../packages/rpc-core/src/method-ref.js';
import { Call } from '../../../packages/rpc-core/src/service.js';
import { TimerQueue } from '../../../packages/rpc-core/src/timer-queue.js';
import { ClientConnection } from '../../../packages/wire/src/connection/client/client-connection.js';
import type {
  CallConnection,
  ClientConnectionOptions,
} from '../../../packages/wire/src/connection/client/client-protocol.js';
import { ItemQueue } from '../../../packages/wire/src/connection/streams/item-queue.js';
import { iteratorOf, pump } from '../../../packages/wire/src/connection/streams/pump.js';
import { memoryPair } from '../../../packages/wire/src/transport/memory.js';
import { Chance } from '../chance.js';
import { FrameTap } from '../frame-tap.js';
import { CODEC } from '../grammar/message-pack.js';
import { chunks } from '../split.js';
import { connectionLimits } from './server-run.js';

const ROUTE: MethodRef = { service: 'test', method: 'echo', wireName: wireName('test', 'echo') };

/** Calls end this much after their deadline at most: the grain of the timers. */
const GRAIN_MS = 1;

/** A call that was sent, and how often it ended. */
export interface FuzzCall {
  readonly call: Call;
  settled: number;
  settledAt: number;
  value: unknown;
  error: unknown;
}

/** A client's connection with calls in flight. */
export interface ClientRun {
  readonly clock: FakeClock;
  readonly timers: TimerQueue;
  readonly connection: CallConnection;
  readonly tap: FrameTap;
  readonly calls: FuzzCall[];
  readonly closedReasons: string[];
  /** Whether it was asked to end when its calls have: then it may have said its last word before the peer's mistake came. */
  isDraining: boolean;
}

/** Gives a client's connection with calls and streams in flight the bytes, cut and timed as the plan says. */
export async function callAndFeed(
  plan: number,
  bytes: Buffer,
  open: (options: ClientConnectionOptions, chance: Chance) => CallConnection = (options) =>
    new ClientConnection(options),
  withStreams = true,
): Promise<ClientRun> {
  const chance = new Chance(plan);
  const clock = new FakeClock(1_000);
  const timers = new TimerQueue(clock);
  const [clientEnd, serverEnd] = memoryPair();
  const closedReasons: string[] = [];
  const observer = {
    greeted: () => {},
    draining: () => {
      run.isDraining = true;
    },
    closed: (reason: string) => void closedReasons.push(reason),
  };
  const limits = connectionLimits(chance);
  const connection = open(
    {
      stream: clientEnd,
      codec: CODEC,
      limits,
      clock,
      timers,
      observer,
      expectInstance: '',
      wantsLoad: chance.flip(0.3),
    },
    chance,
  );
  const tap = new FrameTap(serverEnd);
  const run: ClientRun = { clock, timers, connection, tap, calls: [], closedReasons, isDraining: false };
  const count = chance.between(1, 8);
  for (let i = 0; i < count; i++) send(run, chance, withStreams);
  await clock.advance(0);
  for (const chunk of chunks(bytes, chance)) {
    tap.stream.write(chunk);
    if (!chance.flip(0.05)) continue;
    await clock.advance(chance.size(300));
    connection.tick(clock.now());
    if (chance.flip(0.2)) send(run, chance, withStreams);
    if (chance.flip(0.02)) {
      connection.drain();
      run.isDraining = true;
    }
  }
  await clock.advance(0);
  return run;
}

function send(run: ClientRun, chance: Chance, withStreams: boolean): void {
  const { clock, connection } = run;
  const call = new Call(ROUTE, ['x', chance.size(100)], chance.flip(0.05));
  call.startedAt = clock.now();
  call.attemptDeadline = clock.now() + 1 + chance.size(2_000);
  call.deadline = call.attemptDeadline;
  if (chance.flip(0.1)) {
    const controller = new AbortController();
    call.signal = controller.signal;
    clock.schedule(chance.size(500), () => controller.abort());
  }
  if (withStreams && !call.oneWay && chance.flip(0.5)) stream(call, chance);
  const sent: FuzzCall = { call, settled: 0, settledAt: 0, value: undefined, error: undefined };
  run.calls.push(sent);
  const promise = connection.send(call);
  const { resolve, reject } = call;
  const count = (): void => {
    sent.settled++;
    sent.settledAt = clock.now();
  };
  call.resolve = (value) => {
    count();
    resolve?.(value);
  };
  call.reject = (error) => {
    count();
    reject?.(error);
  };
  promise.then(
    (value) => {
      sent.value = value;
      if (sent.settled === 0) count();
    },
    (error: unknown) => {
      sent.error = error;
      if (sent.settled === 0) count();
    },
  );
}

/** Items go out and come in; the reader takes all, some or none of them. */
function stream(call: Call, chance: Chance): void {
  const received = new ItemQueue();
  const sends = chance.size(60);
  const itemBytes = chance.size(30_000);
  const reads = chance.pick([0, 1, 5, Number.POSITIVE_INFINITY]);
  call.stream = {
    received,
    opened: (_attempt, sender) => {
      const items = Array.from({ length: sends }, () => Buffer.alloc(itemBytes));
      pump(iteratorOf(items, 'items'), sender).done.then(
        () => sender.end(),
        () => {},
      );
    },
  };
  // A reader hears of an item that cannot be inflated; any other error would be nobody's.
  void read(received, reads).catch((error: unknown) => assert.ok(isRpcError(error), `no typed error: ${error}`));
}

async function read(received: ItemQueue, count: number): Promise<void> {
  let taken = 0;
  if (count > 0) for await (const _ of received) if (++taken >= count) break;
}

/** Ends the connection and checks that every call settled once, by its deadline, with a typed error, and that nothing is left. */
export async function finish(run: ClientRun): Promise<void> {
  const { clock, timers, connection, tap, calls, closedReasons } = run;
  for (let second = 0; second < 3; second++) {
    await clock.advance(1_000);
    connection.tick(clock.now());
  }
  for (const { call, settled, settledAt, error } of calls) {
    assert.equal(settled, 1, `a call settled ${settled} times`);
    assert.ok(
      settledAt <= call.attemptDeadline + GRAIN_MS,
      `${settledAt - call.attemptDeadline} ms after its deadline`,
    );
    if (error !== undefined) assert.ok(isRpcError(error), `not an RpcError: ${String(error)}`);
  }
  assert.equal(connection.inFlight, 0, 'calls are left behind');
  tap.stream.destroy();
  await clock.advance(2_000);
  connection.close('done');
  assert.equal(closedReasons.length, 1, `closed ${closedReasons.length} times`);
  assert.doesNotMatch(closedReasons[0]!, /internal error/);
  assert.equal(timers.size, 0, 'calls are left in the timers');
  // The timers keep one wake-up that finds nothing to do.
  timers.close();
  await clock.advance(2_000);
  assert.equal(clock.pending, 0, 'timers are left behind');
}
