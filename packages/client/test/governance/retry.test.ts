import assert from 'node:assert/strict';
import type { Call, Code, Progress } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { simulateCalls } from '@org/rpc-testkit';
import { p2c } from '../../src/picker/p2c.js';
import { roundRobin } from '../../src/picker/round-robin.js';
import { Rig, type Script, SEEDS } from './rig.js';

/** All that can happen to an attempt, and whether a handler may have run. */
const OUTCOMES: readonly { code?: Code; progress: Progress; ran: boolean }[] = [
  { progress: 'processed', ran: true },
  { code: 'UNAVAILABLE', progress: 'unsent', ran: false },
  { code: 'UNAVAILABLE', progress: 'refused', ran: false },
  { code: 'UNAVAILABLE', progress: 'maybe-processed', ran: true },
  { code: 'UNAVAILABLE', progress: 'processed', ran: true },
  { code: 'RESOURCE_EXHAUSTED', progress: 'refused', ran: false },
  { code: 'RESOURCE_EXHAUSTED', progress: 'processed', ran: true },
  { code: 'DEADLINE_EXCEEDED', progress: 'maybe-processed', ran: true },
  { code: 'NOT_FOUND', progress: 'processed', ran: true },
  { code: 'INTERNAL', progress: 'processed', ran: true },
];

interface Attempt {
  readonly node: number;
  readonly code: Code | undefined;
  readonly ran: boolean;
}

/** Ten thousand calls to five nodes where anything may happen, with what became of each. */
async function anything(seed: number, idempotent: boolean): Promise<Attempt[][]> {
  const attempts = new Map<Call, Attempt[]>();
  const scripts = [0, 1, 2, 3, 4].map(
    (node): Script =>
      (_now, random, call) => {
        const { code, progress, ran } = OUTCOMES[Math.floor(random() * OUTCOMES.length)]!;
        const list = attempts.get(call.root) ?? [];
        attempts.set(call.root, list);
        list.push({ node, code, ran });
        const afterMs = 5 + 10 * random();
        return code === undefined ? { afterMs } : { afterMs, error: rpcError(code, 'scripted', { progress }) };
      },
  );
  const picker = seed % 2 === 0 ? p2c() : roundRobin();
  // What would keep calls away from nodes is off: here every node fails most of its calls, and none is to be missed for it.
  const off = { breakers: false, ejection: false } as const;
  const rig = new Rig({ seed, picker, nodes: scripts, retries: 2, idempotent, timeoutMs: 1_000, ...off });
  const { clock, random } = rig;
  await simulateCalls({ clock, random, perSecond: 500, durationMs: 2_000, call: () => rig.call(), drain: 'all' });
  return [...attempts.values()];
}

describe('retries, whatever happens', function () {
  this.timeout(60_000);

  it('never run a call twice that is not idempotent', async () => {
    for (const seed of SEEDS) {
      for (const attempts of await anything(seed, false)) {
        assert.ok(attempts.filter(({ ran }) => ran).length <= 1, `seed ${seed}: ${JSON.stringify(attempts)}`);
      }
    }
  });

  it('never follow the answer of a handler', async () => {
    for (const seed of SEEDS) {
      for (const attempts of await anything(seed, true)) {
        const answered = attempts.findIndex(({ code }) => code === 'NOT_FOUND' || code === 'INTERNAL');
        assert.ok(answered === -1 || answered === attempts.length - 1, `seed ${seed}: ${JSON.stringify(attempts)}`);
      }
    }
  });

  it('go to another node each time, and are made at all', async () => {
    for (const seed of SEEDS) {
      const calls = await anything(seed, true);
      assert.ok(calls.filter((attempts) => attempts.length > 2).length > 20);
      for (const attempts of calls) {
        assert.equal(
          new Set(attempts.map(({ node }) => node)).size,
          attempts.length,
          `seed ${seed}: ${JSON.stringify(attempts)}`,
        );
      }
    }
  });

  it('are at most two and one for nothing', async () => {
    for (const seed of SEEDS) {
      for (const attempts of await anything(seed, true)) assert.ok(attempts.length <= 4);
    }
  });
});
