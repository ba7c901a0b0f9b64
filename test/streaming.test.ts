import assert from 'node:assert/strict';
import { startExample } from './run-example.js';

describe('the streaming example', function () {
  this.timeout(30_000);

  it('reads a stream until it has enough, uploads, and does both at once', async () => {
    const { code, output } = await startExample('streaming/main.js', []).ended;
    assert.equal(output, 'reading 20\nreading 21\nreading 22\n3 readings from the shed\nmean 10\nmean 15\nmean 27.5\n');
    assert.equal(code, 0);
  });
});
