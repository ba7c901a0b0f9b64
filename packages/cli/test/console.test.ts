import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@org/rpc-core';
import { runCli } from '../src/cli.js';
import { testTerminal } from './test-terminal.js';

describe('rpc console', () => {
  it('says where the page is, serves it, and ends with SIGINT', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    let interrupt = (): void => {};
    const told = new Promise<string>((resolve) => {
      const terminal = testTerminal({
        clock: systemClock,
        out: resolve,
        onInterrupt: (run) => {
          interrupt = run;
          return () => {};
        },
      });
      ended = runCli(['console', '--port', '0', '--registry', `local:${directory}`], terminal);
    });
    const [, url] = /^(http:\/\/127\.0\.0\.1:\d+\/) \(it only shows; --token lets it change things\)\n$/.exec(
      await told,
    )!;
    assert.match(await (await fetch(url!)).text(), /<title>rpc console<\/title>/);
    interrupt();
    assert.equal(await ended, 130);
    rmSync(directory, { recursive: true });
  });

  it('refuses what it cannot do in one line', async () => {
    const terminal = testTerminal({ clock: systemClock });
    assert.equal(await runCli(['console', '--host', '0.0.0.0', '--registry', 'local:'], terminal), 1);
    assert.equal(terminal.errText, 'rpc console: 0.0.0.0 can be reached by others, which needs a token\n');
  });
});

let ended: Promise<number>;
