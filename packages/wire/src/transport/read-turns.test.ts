import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { systemClock } from '@org/rpc-core';
import type { ByteStream } from './byte-stream.js';
import { type InTurn, ReadTurns } from './read-turns.js';
import { listenTcp } from './tcp.js';

const MUCH = Buffer.alloc(64 * 1024);
const MUCH_MORE = Buffer.alloc(2 * 1024 * 1024);
const LITTLE = Buffer.alloc(100);

function scene() {
  const turn: (() => void)[] = [];
  let now = 0;
  const turns = new ReadTurns({ now: () => now, afterPoll: (run) => turn.push(run) });
  const nextTurn = (): void => {
    for (const run of turn.splice(0)) run();
  };
  const gone: string[] = [];
  const connection = (host: string, isOpen = true): InTurn => ({ host, go: () => gone.push(host) > 0 && isOpen });
  const read = (who: InTurn, bytes = MUCH, ms = 5): boolean => turns.read(bytes, () => (now += ms), who);
  return { nextTurn, gone, connection, read };
}

describe('the turns in which connections are read', () => {
  it('are waited for by who sends much and keeps the server busy', () => {
    const { connection, read } = scene();
    assert.equal(read(connection('a')), true);
    assert.equal(read(connection('a'), MUCH, 0.5), false);
    assert.equal(read(connection('a'), LITTLE, 50), false);
  });

  it('come one in each turn of the loop, each host in turn however many connections it has', () => {
    const { nextTurn, gone, connection, read } = scene();
    for (let many = 0; many < 3; many++) read(connection('greedy'));
    read(connection('other'));
    const seen = Array.from({ length: 5 }, () => {
      nextTurn();
      return gone.length;
    });
    assert.deepEqual(gone, ['greedy', 'other', 'greedy', 'greedy']);
    assert.deepEqual(seen, [1, 2, 3, 4, 4]);
  });

  it('are not spent on who is gone', () => {
    const { nextTurn, gone, connection, read } = scene();
    read(connection('gone', false));
    read(connection('here'));
    nextTurn();
    assert.deepEqual(gone, ['gone', 'here']);
  });

  it('are waited for by 128 at most, so that what was read of them is not much', () => {
    const { connection, read } = scene();
    const waits = Array.from({ length: 200 }, (_, at) => read(connection(`${at}`)));
    assert.equal(waits.filter((each) => each).length, 128);
  });
});

describe('a server that is sent more than it can read', () => {
  it('reads of one connection twice in a turn of the loop at most, and reads all in the end', async () => {
    let inTurn = 0;
    let mostInTurn = 0;
    let received = 0;
    const onStream = (stream: ByteStream): void => {
      const data = (bytes: Buffer): void => {
        mostInTurn = Math.max(mostInTurn, ++inTurn);
        received += bytes.length;
        // Handlers compute for so long.
        const untilMs = performance.now() + 2;
        while (performance.now() < untilMs);
      };
      stream.start({ data, drained() {}, ended: () => stream.end(), closed() {} });
    };
    const pace = { clock: systemClock, perSecond: 1_000 };
    const target = { host: '127.0.0.1', port: 0, connectionsMax: 10, pace };
    const listener = await listenTcp(target, onStream, assert.fail);
    const nextTurn = (): void => {
      inTurn = 0;
      turns = setImmediate(nextTurn);
    };
    let turns = setImmediate(nextTurn);
    const greedy = connect(listener.address.port, '127.0.0.1');
    greedy.resume().end(MUCH_MORE);
    await once(greedy, 'close');
    clearImmediate(turns);
    await listener.close();
    assert.deepEqual([received, mostInTurn <= 2], [MUCH_MORE.length, true], `${mostInTurn} reads in one turn`);
  });
});
