import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
// @ts-expect-error: a script has no types.
import { buildConsole } from '../../../scripts/lib/build-console.mjs';

const BYTES_MAX = 300_000;

describe('the page of the console', () => {
  it('is what its sources make, and small', async () => {
    const folder = new URL('../assets/', import.meta.url);
    const built: ReadonlyMap<string, string> = await buildConsole();
    assert.deepEqual(readdirSync(folder).sort(), [...built.keys()].sort());
    let bytes = 0;
    for (const [name, text] of built) {
      bytes += Buffer.byteLength(text);
      assert.ok(
        readFileSync(new URL(name, folder), 'utf8') === text,
        `${name} is older than its sources: npm run console:build`,
      );
    }
    assert.ok(bytes <= BYTES_MAX, `${bytes} bytes`);
  });
});
