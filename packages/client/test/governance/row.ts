import assert from 'node:assert/strict';

/** One promise about a policy: a scene, what is measured of it, and the bound that each seed must keep. */
export interface Row {
  /** The page in docs/governance that it belongs to. */
  readonly page: string;
  /** What happens, in words for people. */
  readonly scene: string;
  /** What is measured. */
  readonly measure: string;
  readonly unit: '%' | 'ms' | 'x' | 's' | 'calls' | 'nodes';
  readonly bound: number;
  /** The bound is the least, not the most. */
  readonly isLeast?: boolean;
  /** How many seeds the tests take; the command takes more. */
  readonly seeds: number;
  readonly value: (seed: number) => Promise<number>;
  /** The same without what is promised, such as it was before, or with a picker that looks at nothing: it must break the bound. */
  readonly control?: { readonly what: string; readonly value: (seed: number) => Promise<number> };
}

/** Whether a figure keeps the bound of its row. */
export function keeps({ bound, isLeast = false }: Row, value: number): boolean {
  return isLeast ? value >= bound : value <= bound;
}

/** Makes tests of rows: each seed keeps the bound, and the control does not. */
export function testRows(rows: readonly Row[]): void {
  for (const row of rows) {
    const { scene, measure, unit, bound, isLeast, control } = row;
    it(`${scene}: ${measure} ${isLeast === true ? '>=' : '<='} ${bound} ${unit}`, async () => {
      for (let seed = 1; seed <= row.seeds; seed++) {
        const value = await row.value(seed);
        assert.ok(keeps(row, value), `seed ${seed}: ${value} ${unit}`);
      }
    });
    if (control === undefined) continue;
    it(`${scene}: ${measure}, which ${control.what} does not keep`, async () => {
      const value = await control.value(1);
      assert.ok(!keeps(row, value), `${value} ${unit}`);
    });
  }
}
