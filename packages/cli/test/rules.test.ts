import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, createServer, defineService, isRpcError, method, type Server } from '@org/rpc';
import { systemClock } from '@org/rpc-core';
import { eventually } from '@org/rpc-testkit';
import { runCli } from '../src/cli.js';
import type { Terminal } from '../src/terminal.js';
import { type TestTerminal, testTerminal } from './test-terminal.js';

const Shop = defineService('shop', {
  charge: method<() => string>(),
  list: method<() => string>(),
});

/** Without what differs from run to run. */
function timeless(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, '<time>').replaceAll(`@${hostname()}`, '@here');
}

/** The same as it is told, and as a client follows it. */
const SET = 'switch: charge.enabled false, charge.message "come back later" (on)';
const SAID = 'switch: charge.enabled false, charge.message "come back later", in force (on)';

const SWITCHED_OFF = {
  schemaVersion: 1,
  comment: 'ada: the ledger is being repaired',
  switch: { mode: 'on', methods: { charge: { enabled: false, message: 'come back later' } } },
};

describe('rpc rules, over a local registry', () => {
  let directory: string;
  let server: Server;
  let client: Client;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
    server = createServer({ registry: `local:${directory}`, name: 'shop-1' });
    server.add(Shop, { charge: () => 'charged', list: () => 'listed' });
    await server.listen();
    client = createClient({ registry: `local:${directory}`, name: 'till-1' });
    await client.ready(Shop);
  });
  afterEach(async () => {
    await client.close();
    await server.close({ drainMs: 0, graceMs: 0 });
    rmSync(directory, { recursive: true });
  });

  async function rpc(
    words: readonly string[],
    changes: Partial<Terminal> = {},
  ): Promise<TestTerminal & { code: number }> {
    const terminal = testTerminal({ clock: systemClock, environment: { USER: 'tom' }, ...changes });
    const code = await runCli(['rules', ...words, '--registry', `local:${directory}`], terminal);
    return Object.assign(terminal, { code });
  }
  function file(document: object | string): string {
    const path = join(directory, 'document.json');
    writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
    return path;
  }
  async function set(document: object | string): Promise<void> {
    const { code, errText } = await rpc(['set', 'shop', file(document)]);
    assert.equal(code, 0, errText);
  }
  /** Begins to wait for an event of the client before whatever causes it. */
  async function after<E extends 'rulesApplied' | 'rulesRejected'>(
    event: E,
    version: number | undefined,
    cause: () => Promise<void>,
  ) {
    const came = new Promise<void>((resolve) => {
      client.on(event, (said: { readonly version: number | undefined }) => said.version === version && resolve());
    });
    await cause();
    await eventually(came, () => `no ${event} of version ${version}`);
  }

  it('set is in force in clients that run, and delete ends it', async () => {
    const shop = client.service(Shop);
    assert.equal(await shop.charge(), 'charged');
    await after('rulesApplied', 1, () => set(SWITCHED_OFF));
    await assert.rejects(
      shop.charge(),
      (error) => isRpcError(error, 'UNAVAILABLE') && /come back later/.test(error.reason),
    );
    assert.equal(await shop.list(), 'listed');
    await after('rulesApplied', undefined, async () => assert.equal((await rpc(['delete', 'shop'])).code, 0));
    assert.equal(await shop.charge(), 'charged');
  });

  it('set of a wrong document says where it is wrong, and writes nothing', async () => {
    const path = file({ ...SWITCHED_OFF, retries: {} });
    const { code, errText, outText } = await rpc(['set', 'shop', path]);
    assert.deepEqual([code, outText], [1, '']);
    assert.equal(errText, `rpc rules: ${path}: unknown option "retries"; did you mean "retry"?\n`);
    assert.match((await rpc(['get', 'shop'])).errText, /^rpc rules: shop has no rules in local:/);
    assert.match((await rpc(['set', 'shop', join(directory, 'none')])).errText, /^rpc rules: cannot read .*ENOENT/);
    assert.match((await rpc(['set', 'shop', file('{"a":1,"a":2}')])).errText, /it has the key "a" twice/);
  });

  it('what is wrong in the registry keeps the last good in force, and status names client and reason', async () => {
    const served = new Promise((resolve) => server.on('rules', resolve));
    await after('rulesApplied', 1, () => set(SWITCHED_OFF));
    await served;
    const stored = join(directory, 'default', 'rules', 'shop', '0000000000000002.json');
    await after('rulesRejected', 2, async () =>
      writeFileSync(stored, '{"schemaVersion":1,"version":2,"retry":{"mode":"up"}}'),
    );
    await assert.rejects(client.service(Shop).charge(), (error) => isRpcError(error, 'UNAVAILABLE'));
    const reason = 'rules: retry.mode must be "off", "dark" or "on", got "up"';
    const seen = async (): Promise<string> => (await rpc(['status', 'shop'])).outText;
    let last = '';
    await eventually(
      (async () => {
        do last = await seen();
        while (
          // A client tells of its first call within a second.
          last.split(reason).length < 3 ||
          last.includes('has not called it')
        );
      })(),
      () => last,
    );
    assert.equal(last.split('\n')[0], 'shop: version 2; 0 of 2 clients and servers have applied it, 2 rejected');
    assert.deepEqual(last.split('\n').slice(2, 4), [
      `  shop-1  server  rejected        2         1  ${'nothing'.padEnd(SAID.length)}  ${reason}`,
      `  till-1  client  rejected        2         1  ${SAID}  ${reason}`,
    ]);
  });

  it('set shows what changes; --dry-run does and writes nothing', async () => {
    const dry = await rpc(['set', 'shop', file(SWITCHED_OFF), '--dry-run']);
    assert.deepEqual([dry.code, dry.outText.split('\n').at(-2)], [0, 'shop: a dry run, nothing was written']);
    assert.equal((await rpc(['get', 'shop'])).code, 1);
    await set(SWITCHED_OFF);
    const { outText } = await rpc([
      'set',
      'shop',
      file({
        schemaVersion: 1,
        comment: SWITCHED_OFF.comment,
        switch: { mode: 'dark', methods: {} },
        retry: { mode: 'on', max: 1 },
      }),
    ]);
    assert.deepEqual(outText.split('\n'), [
      '  ~ switch.mode: "on" -> "dark"',
      '  - switch.methods.charge.enabled: false',
      '  - switch.methods.charge.message: "come back later"',
      '  + retry.mode: "on"',
      '  + retry.percent: 100',
      '  + retry.max: 1',
      'shop: version 2 is set',
      '',
    ]);
    const same = await rpc(['set', 'shop', '-'], {
      input: async function* () {
        yield (await rpc(['get', 'shop', '--json'])).outText;
      },
    });
    assert.equal(same.outText, 'shop: nothing changes, version 2 stays\n');
  });

  it('set of an edited old version is a conflict', async () => {
    await set(SWITCHED_OFF);
    const old = JSON.parse((await rpc(['get', 'shop', '--json'])).outText) as object;
    await set({ ...SWITCHED_OFF, comment: 'somebody else' });
    const { code, errText } = await rpc(['set', 'shop', file({ ...old, comment: 'mine' })]);
    assert.equal(code, 1);
    assert.match(errText, /^rpc rules: conflict: the document was made from version 1, and version 2 is there: get it/);
  });

  it('get shows the rules as a table', async () => {
    await set({
      ...SWITCHED_OFF,
      timeout: { mode: 'dark', percent: 2.5, timeoutMs: 200, methods: { list: { timeoutMs: 50 } } },
    });
    assert.deepEqual(timeless((await rpc(['get', 'shop'])).outText).split('\n'), [
      'shop, version 1, set <time> UTC by tom@here: ada: the ledger is being repaired',
      '  rule     mode    for  says',
      '  timeout  dark  2.5 %  timeoutMs 200, list.timeoutMs 50',
      '  switch   on    100 %  charge.enabled false, charge.message "come back later"',
      '',
    ]);
  });

  it('are for servers too: checked, shown, and told by status what each made of them', async () => {
    const wrong = await rpc(['set', 'shop', file({ schemaVersion: 1, callerConcurrency: { mode: 'on', max: 0 } })]);
    assert.match(wrong.errText, /callerConcurrency\.max must be an integer from 1 to 1000000, got 0/);
    const misspelt = await rpc(['set', 'shop', file({ schemaVersion: 1, serverRatelimit: { mode: 'on' } })]);
    assert.match(misspelt.errText, /unknown option "serverRatelimit"; did you mean "serverRateLimit"\?/);
    await set({
      schemaVersion: 1,
      serverConcurrency: { mode: 'on', methods: { charge: { max: 2 } }, server: { queue: 9 } },
    });
    const [, , row] = (await rpc(['get', 'shop'])).outText.split('\n');
    assert.equal(row, '  serverConcurrency  on    100 %  charge.max 2, server.queue 9');
    const seen = async (): Promise<string> => (await rpc(['status', 'shop'])).outText;
    let last = '';
    await eventually(
      (async () => {
        do last = await seen();
        while (
          !/shop-1 +server +applied +1 +1 +serverConcurrency: charge\.max 2, server\.queue 9, in force/.test(last) ||
          !/\n1 client left out: none of the rules is for clients\n/.test(last)
        );
      })(),
      () => last,
    );
  });

  it('history lists versions, and rollback sets one of them anew', async () => {
    await set(SWITCHED_OFF);
    await set({ schemaVersion: 1, comment: 'all is well' });
    const back = await rpc(['rollback', 'shop', '1']);
    assert.equal(back.outText.split('\n').at(-2), 'shop: version 3 is set');
    const told = timeless((await rpc(['history', 'shop'])).outText).replaceAll(/ +comment/g, '  comment');
    assert.deepEqual(told.split('\n'), [
      `  version  ${'rules'.padEnd(SET.length)}  set  comment`,
      `  3 *      ${SET}  <time> UTC by tom@here  back to version 1: ada: the ledger is being repaired`,
      `  2        ${'no rules'.padEnd(SET.length)}  <time> UTC by tom@here  all is well`,
      `  1        ${SET}  <time> UTC by tom@here  ada: the ledger is being repaired`,
      '',
    ]);
    const missing = await rpc(['rollback', 'shop', '9']);
    assert.equal(missing.errText, 'rpc rules: version 9 of the rules of shop is not kept; there are 3, 2, 1\n');
  });

  it('watch tells of each change and of each report until it is interrupted', async () => {
    const terminal = testTerminal({ clock: systemClock });
    let interrupt = (): void => {};
    let told = (): void => {};
    const out = terminal.out;
    Object.assign(terminal, {
      out: (text: string) => {
        out(text);
        told();
      },
      onInterrupt: (run: () => void) => {
        interrupt = run;
        return () => {};
      },
    });
    const line = async (part: string): Promise<void> => {
      const came = new Promise<void>((resolve) => {
        told = () => terminal.outText.includes(part) && resolve();
      });
      told();
      await eventually(came, () => `no "${part}" in ${terminal.outText}`);
    };
    const run = runCli(['rules', 'watch', 'shop', '--registry', `local:${directory}`], terminal);
    await line('shop: no rules\n');
    await set(SWITCHED_OFF);
    await line('shop: version 1, set ');
    await line(` UTC by tom@${hostname()}: ada: the ledger is being repaired\n`);
    await line('  + switch.methods.charge.enabled: false\n');
    await line(`  till-1 (${hostname()}:${process.pid}) has applied version 1: ${SAID}\n`);
    await client.close();
    await line(`  till-1 (${hostname()}:${process.pid}) is gone\n`);
    interrupt();
    assert.equal(await run, 130);
  });

  it('prints all of it as JSON', async () => {
    await after('rulesApplied', 1, () => set(SWITCHED_OFF));
    const json = async (...words: string[]): Promise<Record<string, unknown>> =>
      JSON.parse((await rpc([...words, '--json'])).outText) as Record<string, unknown>;
    assert.equal((await json('get', 'shop'))['version'], 1);
    assert.deepEqual((await json('history', 'shop'))['current'], 1);
    const status = await json('status', 'shop');
    assert.deepEqual([status['current'], status['setBy']], [1, `tom@${hostname()}`]);
    const changed = await json('set', 'shop', file({ schemaVersion: 1 }));
    assert.deepEqual([changed['written'], changed['version']], [true, 2]);
    assert.deepEqual((await json('delete', 'shop', '--dry-run'))['written'], false);
  });

  it('says what is missing on the command line', async () => {
    assert.match((await rpc([])).errText, /^rpc rules: say what to do: get, set, watch, history/);
    assert.equal((await rpc(['gett', 'shop'])).errText, 'rpc rules: cannot gett, did you mean get?\n');
    assert.equal(
      (await rpc(['set', 'shop'])).errText,
      'rpc rules: usage: rpc rules set <service> <file|-> [options]\n',
    );
    const terminal = testTerminal({ clock: systemClock });
    assert.equal(await runCli(['rules', 'get', 'shop', '--registry', 'direct://h:1'], terminal), 1);
    assert.equal(terminal.errText, 'rpc rules: direct://h:1 has no rules; they are for etcd and local registries\n');
  });
});
