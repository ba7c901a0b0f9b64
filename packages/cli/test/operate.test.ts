import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from '@org/rpc';
import { defineService, method, systemClock } from '@org/rpc-core';
import { z } from 'zod';
import { runCli } from '../src/cli.js';
import { type TestTerminal, testTerminal } from './test-terminal.js';

const Shop = defineService('shop', {
  buy: method({ args: [z.string(), z.number()], returns: z.object({ id: z.string() }), timeoutMs: 200 }),
  count: method<() => number>({ idempotent: true }),
});
const Stock = defineService('stock', { count: method<() => number>() });
const Secret = defineService('secret', { tell: method<() => string>() });
const TOKEN = 'sixteen-or-more-letters';

describe('rpc describe, drain and weight, over a local registry', () => {
  let directory: string;
  const servers = new Map<string, ReturnType<typeof createServer>>();

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    const operators = { one: true, two: { token: TOKEN }, three: false };
    for (const [name, operator] of Object.entries(operators)) {
      const server = createServer({ registry: `local:${directory}`, name, operator, reflection: name === 'one' });
      server.add(Shop, { buy: () => ({ id: 'x' }), count: () => 1 });
      if (name === 'one') server.add(Stock, { count: () => 3 });
      await server.listen();
      servers.set(name, server);
    }
  });
  afterEach(async () => {
    for (const server of servers.values()) await server.close({ drainMs: 0, graceMs: 0 });
    servers.clear();
    rmSync(directory, { recursive: true });
  });

  async function rpc(words: readonly string[], environment = {}): Promise<TestTerminal & { code: number }> {
    const terminal = testTerminal({ clock: systemClock, environment });
    const code = await runCli([...words, '--registry', `local:${directory}`], terminal);
    return Object.assign(terminal, { code });
  }

  it('describes a service as an instance does', async () => {
    const { outText, code } = await rpc(['describe', 'stock']);
    assert.match(
      outText,
      /^stock, contract [0-9a-f]{16}, as one says\n +method +kind.*\n +count +unary +no +- +\? -> \?\n$/,
    );
    assert.equal(code, 0);
    const unknown = await rpc(['describe', 'stok']);
    assert.match(unknown.errText, /service stok is not in local:.*did you mean stock\?/);
    const [one] = servers.values();
    await one!.close({ drainMs: 0, graceMs: 0 });
    assert.match((await rpc(['describe', 'shop'])).errText, /does not describe itself: .*reflection: true\n$/);
  });

  it('describes one method with the schemas of its contract', async () => {
    await servers.get('two')!.close({ drainMs: 0, graceMs: 0 });
    await servers.get('three')!.close({ drainMs: 0, graceMs: 0 });
    const { outText } = await rpc(['describe', 'shop.buy']);
    assert.match(outText, / buy +unary +no +200 ms +\(string, number\) -> \{ id: string \}\n$/);
    assert.match((await rpc(['describe', 'shop.sell'])).errText, /shop has no method sell\n$/);
    const { methods } = JSON.parse((await rpc(['describe', 'shop', '--json'])).outText) as { methods: unknown[] };
    assert.equal(methods.length, 2);
  });

  it('drains an instance by its id, to the end when it is told to wait', async () => {
    const asked = testTerminal({
      ...{ clock: systemClock, inputIsTerminal: true, errIsTerminal: true },
      onKeys: (run) => {
        setImmediate(() => run('n'));
        return () => {};
      },
    });
    assert.equal(await runCli(['drain', 'one', '--registry', `local:${directory}`], asked), 1);
    assert.match(
      asked.errText,
      /2 other instances take its calls of shop; nobody else serves stock.* rpc weight one 0\n/,
    );
    assert.match(asked.errText, /Drain it\? y or n \nrpc drain: nothing was done\n$/);
    assert.equal(servers.get('one')!.state().status, 'serving');
    const { outText, code } = await rpc(['drain', 'one', '--wait', '5s']);
    assert.deepEqual([outText, code], ['one has left: shop, stock\n', 0]);
    assert.notEqual(servers.get('one')!.state().status, 'serving');
    assert.match((await rpc(['drain', 'one'])).errText, /no instance one is in local:/);
  });

  it('drains nobody without the token, or where no orders are taken', async () => {
    const refused = await rpc(['drain', 'two']);
    assert.match(refused.errText, /PERMISSION_DENIED: this server needs the token .* --operator-token/);
    assert.match(
      (await rpc(['drain', 'three'])).errText,
      /takes no orders: .*; rpc weight three 0 takes its calls away\n$/,
    );
    for (const name of ['two', 'three']) assert.equal(servers.get(name)!.state().status, 'serving');
    assert.equal((await rpc(['drain', 'two'], { RPC_OPERATOR_TOKEN: TOKEN })).code, 0);
  });

  it('shows its token to servers that ask who calls', async () => {
    const asking = createServer({
      registry: `local:${directory}`,
      name: 'asking',
      authenticate: (_peer, token) => (token === 'the-password' ? 'ada' : undefined) as never,
    });
    asking.add(Secret, { tell: () => 'all' });
    await asking.listen();
    servers.set('asking', asking);
    const file = join(directory, 'token');
    writeFileSync(file, 'the-password\n');
    assert.equal((await rpc(['call', 'secret.tell', '--token-file', file])).outText, 'all\n');
    assert.equal((await rpc(['call', 'secret.tell'], { RPC_TOKEN: 'the-password' })).outText, 'all\n');
    const other = await rpc(['call', 'secret.tell'], { RPC_TOKEN: 'another' });
    assert.match(other.errText, /UNAUTHENTICATED/);
    assert.doesNotMatch(other.errText, /another|the-password/);
    assert.match((await rpc(['call', 'secret.tell', '--token-file', `${file}x`])).errText, /--token-file cannot read /);
    const bench = ['bench', 'secret.tell', '--requests', '5', '--concurrency', '1', '--warmup', '0s', '--json'];
    for (const words of [bench, ['describe', 'secret']]) {
      const { code, outText, errText } = await rpc([...words, '--token-file', file]);
      assert.equal(code, 0, `${words[0]}: ${errText}`);
      assert.doesNotMatch(outText + errText, /the-password/);
    }
    assert.match((await rpc(['describe', 'secret'])).errText, /UNAUTHENTICATED/);
    writeFileSync(file, 'two words');
    const endless = await rpc(['call', 'secret.tell', '--token-file', '/dev/zero']);
    assert.match(endless.errText, /--token-file \/dev\/zero must have a text of 1 to 6144 visible ASCII characters/);
    const unfit = await rpc(['call', 'secret.tell', '--token-file', file]);
    assert.match(unfit.errText, /--token-file .*token must have a text of 1 to 6144 visible ASCII characters/);
    const said = await rpc(bench, { RPC_TOKEN: 'two words' });
    assert.match(said.errText, /RPC_TOKEN must be a text of 1 to 6144 visible ASCII characters/);
    assert.doesNotMatch(unfit.errText + said.errText, /two words/);
    assert.equal((await rpc(['drain', 'asking'], { RPC_TOKEN: 'the-password' })).code, 0);
  });

  it('weighs an instance by the rules of its services', async () => {
    const { outText } = await rpc(['weight', 'one', '10']);
    assert.equal(outText, 'shop: one weighs 10 (rules version 1)\nstock: one weighs 10 (rules version 1)\n');
    assert.equal(
      (await rpc(['weight', 'one', '10', '--service', 'shop'])).outText,
      'shop: one weighs 10 (as before)\n',
    );
    assert.match((await rpc(['rules', 'get', 'shop'])).outText, /weight +on +100 % +one 10\n/);
    assert.match(
      (await rpc(['weight', 'one', 'reset'])).outText,
      /^shop: one weighs 100, its own \(rules version 2\)\n/,
    );
    assert.match((await rpc(['weight', 'one', 'much'])).errText, /'much' is no number from 0 to 10000, and not reset/);
    assert.match(
      (await rpc(['weight', 'two', '1', '--service', 'stock'])).errText,
      /two does not serve stock; it serves shop/,
    );
  });
});

describe('rpc ls --watch', () => {
  it('prints each change of the list until it is interrupted', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    let interrupt = (): void => {};
    const lines: string[] = [];
    let seen = (_text: string): void => {};
    const terminal = testTerminal({
      clock: systemClock,
      out: (text) => {
        lines.push(text);
        seen(text);
      },
      onInterrupt: (run) => {
        interrupt = run;
        return () => {};
      },
    });
    const told = (wanted: RegExp) =>
      new Promise<void>((resolve) => {
        const look = (text: string): void => void (wanted.test(text) && resolve());
        for (const text of lines) look(text);
        seen = look;
      });
    const done = runCli(['ls', 'shop', '-w', '--registry', `local:${directory}`], terminal);
    await told(/shop has no instance/);
    const server = createServer({ registry: `local:${directory}`, name: 'one' });
    server.add(Shop, { buy: () => ({ id: 'x' }), count: () => 1 });
    await server.listen();
    await told(/ up +100 .* one\n/);
    await server.close({ drainMs: 0, graceMs: 0 });
    interrupt();
    assert.equal(await done, 130);
    assert.ok(lines.length <= 4, lines.join(''));
    rmSync(directory, { recursive: true });
  });
});
