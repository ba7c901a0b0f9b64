import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';

const MODULE: string = new URL('../scripts/lib/lanes.mjs', import.meta.url).href;
const { lanes } = (await import(MODULE)) as {
  lanes(files: readonly string[]): Record<'virtual' | 'real' | 'loaded', string[]>;
};

const REPORTER: string = new URL('../scripts/lib/reporter.mjs', import.meta.url).href;
const { default: Reporter } = (await import(REPORTER)) as {
  default: new (runner: EventEmitter, options: { reporterOptions: Record<string, string> }) => unknown;
};

/** What mocha would give a test that says 60 seconds. */
function allowedMs(patience: string): number {
  const runner = new EventEmitter();
  new Reporter(runner, { reporterOptions: { patience } });
  let timeoutMs = 60_000;
  const runnable = { timeout: (ms = timeoutMs) => (timeoutMs = ms) };
  runner.emit('test', runnable);
  return timeoutMs;
}

describe('the lanes of the test command', () => {
  it('have every file once, those that load the machine by themselves', () => {
    const files = [
      'packages/client/test/governance/p2c.test.ts',
      'packages/client/src/nodes/pool.test.ts',
      'test/overload/overload.test.ts',
      'test/faults/registry-faults.test.ts',
    ];
    assert.deepEqual(lanes(files), {
      virtual: [files[0]],
      real: [files[1], files[3]],
      loaded: [files[2]],
    });
  });

  it('know a path with the separators of Windows', () => {
    assert.deepEqual(lanes(['packages\\testkit\\src\\fake-clock.test.ts']).virtual.length, 1);
  });

  it('give what waits for a processor more time, and nobody else', () => {
    assert.deepEqual([allowedMs('20'), allowedMs('1')], [1_200_000, 60_000]);
  });
});
