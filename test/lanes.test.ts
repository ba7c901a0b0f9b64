import assert from 'node:assert/strict';

const MODULE: string = new URL('../scripts/lib/lanes.mjs', import.meta.url).href;
const { lanes } = (await import(MODULE)) as {
  lanes(files: readonly string[]): Record<'virtual' | 'real' | 'loaded', string[]>;
};

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
});
