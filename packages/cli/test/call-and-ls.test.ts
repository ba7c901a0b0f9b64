import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '@org/rpc';
import { callContext, defineService, method, systemClock } from '@org/rpc-core';
import { runCli } from '../src/cli.js';
import { type TestTerminal, testTerminal } from './test-terminal.js';

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>(),
  tenant: method<() => string>(),
  caller: method<() => string>(),
  nothing: method<() => void>(),
});

describe('rpc call and rpc ls, over a local registry', () => {
  let directory: string;
  let server: ReturnType<typeof createServer>;
  let port: number;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    server = createServer({ registry: `local:${directory}`, name: 'one', zone: 'a', tags: { k: 'v' } });
    server.add(Calculator, {
      sum: (x, y) => x + y,
      tenant: () => callContext()?.metadata['tenant'] ?? 'none',
      caller: () => callContext()?.peer.name ?? 'none',
      nothing: () => {},
    });
    ({ port } = await server.listen({ port: 0 }));
    await server.registered;
  });
  after(async () => {
    await server.close({ drainMs: 0, graceMs: 0 });
    rmSync(directory, { recursive: true });
  });

  async function rpc(...words: string[]): Promise<TestTerminal & { code: number }> {
    const terminal = testTerminal({ clock: systemClock });
    const code = await runCli([...words, '--registry', `local:${directory}`], terminal);
    return Object.assign(terminal, { code });
  }

  it('calls a method and prints its result', async () => {
    const { code, outText, errText } = await rpc('call', 'calculator.sum', '1', '-2');
    assert.deepEqual({ code, outText, errText }, { code: 0, outText: '-1\n', errText: '' });
    assert.equal((await rpc('call', 'calculator.nothing', '--json')).outText, 'null\n');
  });

  it('calls under a name that tells who it is', async () => {
    assert.equal((await rpc('call', 'calculator.caller')).outText, `rpc-call.${hostname()}\n`);
  });

  it('sends metadata', async () => {
    assert.equal((await rpc('call', 'calculator.tenant', '--metadata', 'tenant=x=y')).outText, 'x=y\n');
    const wrong = await rpc('call', 'calculator.tenant', '--metadata', 'tenant');
    assert.equal(wrong.errText, 'rpc call: --metadata: it must be key=value\n');
  });

  it('lists the services and the instances of one', async () => {
    assert.match((await rpc('ls')).outText, /service +instances +unavailable +draining\n +calculator +1 +0 +0\n/);
    const instances = await rpc('ls', 'calculator');
    assert.match(instances.outText, new RegExp(`127\\.0\\.0\\.1:${port} +up +100 +a +- +\\d+s +k=v +one\\n`));
    const json = JSON.parse((await rpc('ls', 'calculator', '--json')).outText) as { instances: { id: string }[] };
    assert.deepEqual(
      json.instances.map(({ id }) => id),
      ['one'],
    );
  });

  it('leaves out what servers serve of themselves, unless all are asked for', async () => {
    const operated = createServer({ registry: `local:${directory}`, operator: { token: 't'.repeat(32) } });
    await operated.listen({ port: 0 });
    await operated.registered;
    try {
      assert.doesNotMatch((await rpc('ls')).outText, /rpc\.operator/);
      assert.match((await rpc('ls', '--all')).outText, / calculator .*\n +rpc\.operator +1 /);
    } finally {
      await operated.close({ drainMs: 0, graceMs: 0 });
    }
  });

  it('escapes what an instance says of itself', async () => {
    const hostile = 'z\u202e';
    const other = createServer({ registry: `local:${directory}`, zone: hostile, tags: { [hostile]: hostile } });
    other.add(defineService('hostile', { x: method<() => void>() }), { x: () => {} });
    await other.listen();
    await other.registered;
    try {
      const table = (await rpc('ls', 'hostile')).outText;
      assert.match(table, / z\\u202e +- +\d+s +z\\u202e=z\\u202e /);
      const json = (await rpc('ls', 'hostile', '--json')).outText;
      assert.doesNotMatch(json, /\u202e/);
      const { instances } = JSON.parse(json) as { instances: { zone: string }[] };
      assert.deepEqual(
        instances.map(({ zone }) => zone),
        [hostile],
      );
    } finally {
      await other.close({ drainMs: 0, graceMs: 0 });
    }
  });

  it('names the nearest service when one is unknown', async () => {
    const { code, errText } = await rpc('ls', 'calculater');
    assert.equal(code, 1);
    assert.equal(errText, `rpc ls: service calculater is not in local:${directory}; did you mean calculator?\n`);
  });

  it('tells an unknown method in one line', async () => {
    const { code, errText } = await rpc('call', 'calculator.summ', '1', '2');
    assert.equal(code, 1);
    assert.match(errText, /^rpc call: UNIMPLEMENTED: [^\n]*summ[^\n]*\n$/);
  });
});
