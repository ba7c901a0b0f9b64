import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startExample } from './run-example.js';

describe('the calculator example', function () {
  this.timeout(30_000);

  it('adds, divides, and shows the error that the handler has thrown', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-calculator-'));
    const environment = { RPC_REGISTRY: `local:${directory}`, RPC_NAMESPACE: 'default' };
    const server = startExample('calculator/server.js', [], environment);
    try {
      await server.printed(`calculator listens on ${directory}/`);
      const client = await startExample('calculator/client.js', [], environment).ended;
      const [sum, quotient, error, ...rest] = client.output.split('\n');
      assert.deepEqual([sum, quotient, rest], ['1 + 2 = 3', '1 / 4 = 0.25', ['']]);
      // Which call failed, and where it was answered.
      assert.match(error!, /^INVALID_ARGUMENT: y must not be 0 \(calculator\.divide at unix:\/\S+\) \{ x: 1, y: 0 \}$/);
      assert.equal(client.code, 0);
      server.child.kill('SIGTERM');
      assert.equal((await server.ended).code, 0);
    } finally {
      server.child.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    }
  });
});
