import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { roll } from './roll.js';

describe('a rolling restart of five nodes under load', function () {
  this.timeout(120_000);

  it('fails no call and loses none: unary, one-way and streams of every kind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rolling-'));
    try {
      const report = await roll({ registry: `local:${folder}`, nodes: 5, perSecond: 300, calls: 0 });
      const reasons = Object.values(report.byKind).flatMap(({ reasons: all }) => all);
      assert.deepEqual([report.failed, reasons], [0, []]);
      assert.equal(report.told.received, report.told.sent);
      assert.equal(report.restarts, 5);
      // Each restart ends the streams of one reader of each kind at the least.
      assert.ok(report.moved >= 5, `${report.moved} moved`);
      for (const kind of ['stream', 'upload', 'duplex', 'one-way', 'idempotent', 'not idempotent', 'news', 'bulletin'])
        assert.ok(report.byKind[kind]!.made > 0, kind);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
