import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { DEFAULT_LIMITS, type Limits } from '../../../packages/rpc-core/src/limits.js';
import { serveMessagePackRpc } from '../../../packages/wire/src/connection/message-pack-rpc/message-pack-rpc-server-connection.js';
import { ServerConnection } from '../../../packages/wire/src/connection/server/server-connection.js';
import { memoryPair } from '../../../packages/wire/src/transport/memory.js';
import { Chance } from '../chance.js';
import { FrameTap } from '../frame-tap.js';
import { FuzzHost } from '../fuzz-host.js';
import { CODEC } from '../grammar/message-pack.js';
import { chunks } from '../split.js';

/** A server's connection that has been given an input. */
export interface ServerRun {
  readonly clock: FakeClock;
  readonly host: FuzzHost;
  readonly connection: ServerConnection;
  readonly tap: FrameTap;
  readonly limits: Limits;
  /** Whether the peer read as things came. One that did not may have missed the last words. */
  readonly hasRead: boolean;
}

/** Bounds of a connection: usual ones, or such that small inputs reach them. */
export function connectionLimits(chance: Chance): Limits {
  if (chance.flip(0.5)) return DEFAULT_LIMITS;
  return {
    ...DEFAULT_LIMITS,
    messageBytes: 1024 + chance.size(100_000),
    metadataBytes: 1 + chance.size(200),
    metadataKeys: 1 + chance.size(4),
    messageElements: 1 + chance.size(200),
    messageDepth: 1 + chance.size(10),
    callsInFlight: 1 + chance.size(8),
    inFlightRequestBytes: 100 + chance.size(10_000),
    writeQueueBytes: 100 + chance.size(100_000),
    pings: 1 + chance.size(20),
    cancels: 1 + chance.size(10),
    ignoredFrames: 1 + chance.size(20),
  };
}

/** Gives a server's connection the bytes, cut and timed as the plan says. */
export async function serve(plan: number, bytes: Buffer): Promise<ServerRun> {
  const chance = new Chance(plan);
  const clock = new FakeClock(1_000);
  const host = new FuzzHost(clock, chance.flip(0.1));
  const limits = connectionLimits(chance);
  const [clientEnd, serverEnd] = memoryPair();
  const connection = new ServerConnection({
    stream: serverEnd,
    codec: CODEC,
    limits,
    clock,
    host,
    messagePackRpc: serveMessagePackRpc,
  });
  const tap = new FrameTap(clientEnd);
  const reads = !chance.flip(0.1);
  if (!reads) tap.stream.pause();
  const pauses = chance.flip(0.7) ? 0 : chance.size(200);
  const drains = chance.flip(0.1);
  for (const chunk of chunks(bytes, chance)) {
    tap.stream.write(chunk);
    // Most chunks come without a turn of the event loop between them.
    if (pauses > 0 && chance.flip(0.2)) {
      await clock.advance(chance.size(pauses));
      connection.tick(clock.now());
      if (drains && chance.flip(0.1)) connection.drain('over');
      if (drains && chance.flip(0.1)) connection.refuseNew('over');
    }
  }
  await clock.advance(0);
  if (!reads) {
    tap.stream.resume();
    await clock.advance(0);
  }
  return { clock, host, connection, tap, limits, hasRead: reads };
}

/** How often the event loop is turned until the threads of zlib have given back what they had. */
const THREAD_TURNS = 100_000;

/** Lets the connection end and checks that it does, once, and leaves nothing behind. */
export async function finish(run: ServerRun, chance: Chance): Promise<void> {
  const { clock, host, connection, tap } = run;
  if (chance.flip(0.5)) tap.stream.end();
  else tap.stream.destroy();
  // Time enough for every handler, deadline, stall and keepalive.
  for (let second = 0; second < 4; second++) {
    await clock.advance(1_000);
    connection.tick(clock.now());
  }
  if (!tap.isClosed) {
    tap.stream.destroy();
    await clock.advance(1_000);
  }
  assert.equal(host.closedReasons.length, 1, `closed ${host.closedReasons.length} times: ${host.closedReasons.join()}`);
  assert.doesNotMatch(host.closedReasons[0]!, /internal error/);
  await clock.advance(0);
  // What is being inflated is in the hands of real threads, which virtual time does not hurry.
  for (let turn = 0; turn < THREAD_TURNS && connection.running > 0; turn++)
    await new Promise((done) => setImmediate(done));
  assert.equal(connection.running, 0, 'calls are left behind');
  assert.equal(clock.pending, 0, 'timers are left behind');
}
