import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@org/rpc-core';
import { WorkerGroup } from './worker-group.js';

describe('a group of workers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rpc-group-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts two workers that run this. */
  function start(source: string): Promise<WorkerGroup> {
    const file = join(folder, 'app.mjs');
    writeFileSync(file, source);
    const program = { file, args: [], execArgv: [] };
    return WorkerGroup.start({ count: 2, program, clock: systemClock, random: Math.random, onEvent: () => {} });
  }

  /** A program that does nothing but what a server of a worker says. */
  const listening = (port: number): string => `
    process.on('message', (message) => {
      const told = message['@org/rpc'];
      if (told.kind === 'stop') process.exit(0);
      if (told.kind === 'failed') { process.exit(9); }
    });
    process.send({ '@org/rpc': { kind: 'listen', id: 'a', host: '127.0.0.1', port: ${port}, instance: 'i' + process.pid, stopMs: 100 } });
    process.send({ '@org/rpc': { kind: 'registered' } });
  `;

  it('says what to do with a program that has no server, or that fails', async () => {
    await assert.rejects(start(''), /app\.mjs ended without server\.listen\(\{ port \}\): a worker has to listen$/);
    await assert.rejects(
      start('process.exit(7)'),
      /app\.mjs ended with code 7 before it listened: what it wrote says why$/,
    );
  });

  it('tells a worker that the port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    await assert.rejects(start(listening(port)), /ended with code 9/);
    taken.close();
  });

  it('has the address of its workers, replaces them by new ones and ends with the last', async () => {
    const group = await start(listening(0));
    const before = group.workers.map(({ pid }) => pid);
    const { port } = group.address;
    assert.ok(port > 0);
    await group.reload();
    assert.equal(group.workers.filter(({ pid }) => before.includes(pid)).length, 0);
    assert.equal(group.address.port, port);
    await group.close({});
    assert.deepEqual(
      group.workers.map(({ status }) => status),
      ['ended', 'ended'],
    );
  });
});
