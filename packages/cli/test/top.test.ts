import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, createServer } from '@org/rpc';
import type { FleetView } from '@org/rpc-console';
import { defineService, method, systemClock } from '@org/rpc-core';
import { runCli } from '../src/cli.js';
import { testTerminal } from './test-terminal.js';

const Shop = defineService('shop', { find: method<() => number>({ idempotent: true }) });

describe('rpc top, over a local registry', () => {
  let directory: string;
  let registry: string;
  let server: ReturnType<typeof createServer>;
  let client: ReturnType<typeof createClient>;
  let calls: NodeJS.Timeout;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    registry = `local:${directory}`;
    server = createServer({ registry, name: 'one' });
    server.add(Shop, { find: () => 1 });
    await server.listen();
    client = createClient({ registry, name: 'web' });
    calls = setInterval(() => void client.service(Shop).find(), 10);
  });
  after(async () => {
    clearInterval(calls);
    await client.close();
    await server.close({ drainMs: 0, graceMs: 0 });
    rmSync(directory, { recursive: true });
  });

  it('prints one picture where the output is no terminal, or JSON', async () => {
    const [table, json] = [testTerminal({ clock: systemClock }), testTerminal({ clock: systemClock })];
    const codes = await Promise.all([
      runCli(['top', '--registry', registry], table),
      runCli(['top', '--json', '--registry', registry], json),
    ]);
    assert.deepEqual(codes, [0, 0]);
    assert.match(table.outText, /^shop +\d+(\.\d)? +0 % +\d/m);
    assert.match(table.outText, /^services by rate +\S+ UTC, of 5 s /m);
    assert.match(table.outText, /^one +serving +\d/m);
    assert.match(table.outText, /^instance +health .* lag 1m/m);
    assert.match(table.outText, /^web -> shop at one +\d/m);
    const view = JSON.parse(json.outText) as FleetView;
    assert.deepEqual([view.services[0]!.name, view.edges[0]!.caller], ['shop', 'web']);
    assert.ok(view.services[0]!.rate.perSecond > 0);
  });

  it('is live in a terminal, follows keys, and leaves the terminal as it was', async () => {
    let press = (_key: string): void => {};
    let told = (_text: string): void => {};
    let isReading = false;
    const terminal = testTerminal({
      clock: systemClock,
      outIsTerminal: true,
      environment: { NO_COLOR: '1' },
      out: (text) => {
        terminal.outText += text;
        told(text);
      },
      onKeys: (run) => {
        press = run;
        isReading = true;
        return () => {
          isReading = false;
        };
      },
    });
    const seen = (wanted: RegExp) =>
      new Promise<void>((resolve) => {
        told = (text) => void (wanted.test(text) && resolve());
      });
    const ended = runCli(['top', 'shop', '--registry', registry], terminal);
    await seen(/\nshop +\d/);
    const callers = seen(/web -> shop at one/);
    press('3');
    await callers;
    press('q');
    assert.equal(await ended, 0);
    assert.equal(isReading, false);
    assert.ok(terminal.outText.startsWith('\u001b[?1049h') && terminal.outText.endsWith('\u001b[?1049l'));
  });

  it('looks at one service of a fixed list, which knows no names, and shows its token to who asks', async () => {
    const authenticate = (_peer: unknown, token: string | undefined): string =>
      (token === 'the-password' ? 'ada' : undefined) as never;
    const other = createServer({ registry: 'direct://127.0.0.1:1', operator: true, name: 'two', authenticate });
    other.add(Shop, { find: () => 1 });
    const { port } = await other.listen({ host: '127.0.0.1', port: 0 });
    const terminal = testTerminal({ clock: systemClock, environment: { RPC_TOKEN: 'the-password' } });
    assert.equal(await runCli(['top', 'shop', '--registry', `direct://127.0.0.1:${port}`], terminal), 0);
    assert.match(terminal.outText, new RegExp(`^127\\.0\\.0\\.1:${port} +serving `, 'm'));
    assert.doesNotMatch(terminal.outText + terminal.errText, /the-password/);
    await other.close({ drainMs: 0, graceMs: 0 });
  });

  it('waits for a registry that cannot be asked at first', async () => {
    const late = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    chmodSync(late, 0o777);
    const terminal = testTerminal({ clock: systemClock });
    const ended = runCli(['top', '--once', '--registry', `local:${late}`], terminal);
    setTimeout(() => chmodSync(late, 0o700), 1_700);
    assert.deepEqual([await ended, terminal.errText], [0, '']);
    assert.match(terminal.outText, /nothing is registered here/);
    rmSync(late, { recursive: true });
  });

  it('tells in one line that the registry does not answer', async () => {
    const terminal = testTerminal({ clock: systemClock });
    assert.equal(await runCli(['top', '--registry', 'direct://127.0.0.1:1'], terminal), 1);
    assert.match(terminal.errText, /^rpc top: the registry direct:\/\/127\.0\.0\.1:1 cannot be asked: [^\n]*\n$/);
  });
});
