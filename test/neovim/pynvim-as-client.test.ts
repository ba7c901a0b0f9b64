import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Server } from '@org/rpc';
import { usersServer } from './users-server.js';

const SCRIPT = fileURLToPath(new URL('./pynvim-client.py', import.meta.url));

/** The tests never skip: a Python without pynvim says itself what it lacks. */
function python(): string {
  return process.env['PYTHON_BIN'] || (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3');
}

describe('pynvim as a client', function () {
  this.timeout(20_000);
  const servers: Server[] = [];
  let directory = '';
  let results: Readonly<Record<string, unknown>> = {};
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-pynvim-'));
    const path = join(directory, 'socket');
    servers.push(usersServer(), usersServer());
    const { port } = await servers[0]!.listen({ host: '127.0.0.1', port: 0 });
    await servers[1]!.listen({ path });
    const ran = promisify(execFile)(python(), [SCRIPT, String(port), path], { timeout: 15_000 });
    const { stdout } = await ran.catch((error: Error) => {
      throw new Error(`${error.message}\nIs pynvim missing? Run "node scripts/neovim.mjs ensure", or set PYTHON_BIN`);
    });
    results = JSON.parse(stdout);
  });
  after(async () => {
    for (const server of servers) await server.close({ drainMs: 0, graceMs: 0 });
    await rm(directory, { recursive: true, force: true });
  });

  it('names methods with bytes or text, in full or not', () => {
    assert.deepEqual([results['bytes'], results['text'], results['bare']], ['user 7', 'user 8', 'user 9']);
  });

  it('raises our errors', () => {
    assert.equal(results['not found'], 'NOT_FOUND: no such user');
    assert.match(String(results['unknown']), /^UNIMPLEMENTED: service "users" has no method "nope"/);
  });

  it('gets back values of every kind as it sent them', () => {
    assert.equal(results['echo'], true);
  });

  it('notifies, in order with its requests', () => {
    assert.deepEqual(results['seen'], ['notified']);
  });

  it('has hundreds of requests under way, of which the first is answered last', () => {
    const last = [500, null, 'user 500'];
    assert.deepEqual(results['pipelined'], [502, [1, null, 'user 1'], last, ['held', 'release']]);
  });

  it('calls over a unix socket', () => {
    assert.equal(results['socket'], 'user 10');
  });

  it('may use the highest id, extensions, and messages cut and joined anywhere', () => {
    const others = [
      [1, 1, null, 'user 1'],
      [1, 2, null, 'user 2'],
    ];
    assert.deepEqual(results['raw'], [[1, 2 ** 32 - 1, null], true, others]);
  });
});
