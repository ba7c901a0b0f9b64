import assert from 'node:assert/strict';
import { Call, type Code, type Outcome, type Progress, type RpcError, type Service } from '@org/rpc-core';
import { fuseGates, rpcError } from '@org/rpc-core/internal';
import { FakeClock } from '@org/rpc-testkit';
import { ClientStream } from './client-stream.js';
import { moveOnce } from './compose-stream.js';

/** How one opening fails; `undefined`: the stream runs to its end. */
type Opening = { readonly code: Code; readonly progress: Progress; readonly pulls?: boolean } | undefined;

interface Moved {
  /** The attempt number of each opening, 0 for the first. */
  readonly attempts: number[];
  readonly settled: Outcome[];
  readonly error: RpcError | undefined;
  /** What was told of the openings that moved. */
  readonly moves: unknown[];
}

/** Runs one streaming call through `moveOnce` against openings that end as scripted. */
async function open(
  openings: readonly Opening[],
  { isClosed = false, abortAfterFirst = false }: { isClosed?: boolean; abortAfterFirst?: boolean } = {},
): Promise<Moved> {
  const attempts: number[] = [];
  const settled: Outcome[] = [];
  const controller = new AbortController();
  const call = new Call({ service: 'feed', method: 'chat', wireName: new Uint8Array() }, [], false);
  const stream = new ClientStream({ clock: new FakeClock(), idleTimeoutMs: 1_000, onOver: () => {} });
  const unused: Service = () => Promise.reject(new Error('not called'));
  call.stream = stream.prepare(unused, call, endless());
  call.signal = controller.signal;
  call.callGate = fuseGates([{ settle: (_, outcome) => settled.push(outcome) }]);
  call.callGate.enter(call);
  const next: Service = async (attempt) => {
    const opening = openings[attempts.length];
    attempts.push(attempt.attempt);
    assert.equal(attempt.stream, stream);
    if (abortAfterFirst) controller.abort();
    if (opening?.pulls === true) stream.opened(attempt, sender());
    if (opening === undefined) return attempt.succeed(undefined);
    attempt.destination = { address: `node-${attempts.length}:1` } as never;
    const error = rpcError(opening.code, 'scripted', { progress: opening.progress });
    attempt.settleAttempt(error);
    throw error;
  };
  const moves: unknown[] = [];
  const nodes = { isClosed, mayBeAnswered: () => false, leftOut: () => '' };
  const outcome = moveOnce(new FakeClock(), nodes, ({ attempt }, from, { code }) =>
    moves.push([attempt, from.destination?.address, code]),
  )(next)(call);
  const error = await outcome.then(
    () => undefined,
    (caught: RpcError) => caught,
  );
  return { attempts, settled, error, moves };
}

async function* endless(): AsyncGenerator<number> {
  for (let i = 0; ; i++) yield i;
}

/** A sender that never has credit: its pump waits with the first item. */
function sender(): Parameters<ClientStream['opened']>[1] {
  return {
    isClosed: false,
    untilOpen: () => new Promise(() => {}),
    untilFree: () => undefined,
    send() {},
    end() {},
    close() {},
  };
}

const UNSENT = { code: 'UNAVAILABLE', progress: 'unsent' } as const;
const REFUSED = { code: 'UNAVAILABLE', progress: 'refused' } as const;

describe('moveOnce', () => {
  it('passes a stream that runs to its end', async () => {
    const { attempts, settled, error } = await open([undefined]);
    assert.deepEqual([attempts, settled, error], [[0], [undefined], undefined]);
  });

  for (const [what, opening] of [
    ['never sent', UNSENT],
    ['refused by a server that drains', REFUSED],
  ] as const) {
    it(`moves an opening that was ${what}, and the call settles with what came of the second`, async () => {
      const { attempts, settled, error } = await open([opening, undefined]);
      assert.deepEqual([attempts, settled, error], [[0, 1], [undefined], undefined]);
    });
  }

  it('moves only once, and tells of both attempts', async () => {
    const { attempts, settled, error, moves } = await open([UNSENT, REFUSED, undefined]);
    assert.deepEqual(attempts, [0, 1]);
    assert.deepEqual(moves, [[1, 'node-1:1', 'UNAVAILABLE']]);
    assert.deepEqual(settled, [error]);
    assert.deepEqual(
      error?.attempts.map(({ endpoint, progress }) => [endpoint, progress]),
      [
        ['node-1:1', 'unsent'],
        ['node-2:1', 'refused'],
      ],
    );
  });

  for (const opening of [
    { code: 'UNAVAILABLE', progress: 'maybe-processed' },
    { code: 'UNAVAILABLE', progress: 'processed' },
    { code: 'RESOURCE_EXHAUSTED', progress: 'refused' },
    { code: 'DEADLINE_EXCEEDED', progress: 'unsent' },
  ] as const) {
    it(`does not move ${opening.code} that is ${opening.progress}`, async () => {
      const { attempts, settled, error } = await open([opening, undefined]);
      assert.deepEqual([attempts, error?.code, settled], [[0], opening.code, [error]]);
    });
  }

  it('does not move what has begun to take items of the caller', async () => {
    const { attempts, error } = await open([{ ...REFUSED, pulls: true }, undefined]);
    assert.deepEqual([attempts, error?.progress], [[0], 'refused']);
  });

  it('does not move when the caller has given up, or the client is closed', async () => {
    assert.deepEqual((await open([UNSENT, undefined], { abortAfterFirst: true })).attempts, [0]);
    assert.deepEqual((await open([UNSENT, undefined], { isClosed: true })).attempts, [0]);
  });
});
