import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ServiceClient, UnknownExtension } from '@org/rpc';
import { Editor, editorClient, type Neovim, startNeovim } from './neovim.js';

/** Blocks until somebody sets `g:go`, and meanwhile lets Neovim answer other calls; `g:held` says that it is there. */
const HOLD = `
  vim.g.go = false
  vim.g.held = true
  vim.wait(60000, function() return vim.g.go end, 5)
  vim.g.held = false
  return 'released'`;

describe('a client of Neovim', function () {
  this.timeout(20_000);
  let neovim: Neovim;
  let client: Client;
  let editor: ServiceClient<typeof Editor>;
  before(async () => {
    neovim = await startNeovim();
    client = editorClient(neovim);
    editor = client.service(Editor);
  });
  after(async () => {
    await client?.close();
    await neovim?.kill();
  });

  it('calls functions and gets values of every kind', async () => {
    assert.equal(await editor.nvim_eval('1 + 1'), 2);
    const values = await editor.nvim_eval('[v:null, v:true, -3, 1.5, "h\u00e9", [], {"a": [{}]}]');
    assert.deepEqual(values, [null, true, -3, 1.5, 'h\u00e9', [], { a: [{}] }]);
  });

  it('gets bytes that are no text, and sends them', async () => {
    // Neovim has one type for both, which it sends as str.
    assert.deepEqual(await editor.nvim_eval('0z00ff'), Buffer.from([0x00, 0xff]));
    const latin1 = Buffer.from('h\u00e9', 'latin1');
    const buffer = await editor.nvim_get_current_buf();
    await editor.nvim_buf_set_lines(buffer, 0, -1, true, [latin1, 'text']);
    assert.deepEqual(await editor.nvim_buf_get_lines(buffer, 0, -1, true), [latin1, 'text']);
  });

  it('sends handles back as they came', async () => {
    const buffer = await editor.nvim_get_current_buf();
    const window = await editor.nvim_get_current_win();
    const tabpage = await editor.nvim_get_current_tabpage();
    const handles = [buffer, window, tabpage];
    for (const handle of handles) assert.ok(handle instanceof UnknownExtension, String(handle));
    assert.deepEqual(
      handles.map((handle) => (handle as UnknownExtension).type),
      [0, 1, 2],
    );
    assert.deepEqual(await editor.nvim_win_get_buf(window), buffer);
    assert.deepEqual(await editor.nvim_tabpage_get_win(tabpage), window);
    await editor.nvim_buf_set_lines(buffer, 0, -1, true, ['one', 'zw\u00f6lf', '\u65e5\u672c']);
    assert.deepEqual(await editor.nvim_buf_get_lines(buffer, 1, -1, true), ['zw\u00f6lf', '\u65e5\u672c']);
  });

  it('reads its errors, which are pairs of a number and a text', async () => {
    await assert.rejects(editor.nvim_no_such_method(), {
      code: 'UNKNOWN',
      reason: 'Invalid method: nvim_no_such_method',
      progress: 'processed',
      details: [0, 'Invalid method: nvim_no_such_method'],
    });
    await assert.rejects(editor.nvim_eval('nope'), { code: 'UNKNOWN', reason: /E121: Undefined variable: nope/ });
  });

  it('is not disturbed by events', async () => {
    await editor.nvim_subscribe('weather');
    const [channel] = await editor.nvim_get_api_info();
    assert.equal(await editor.nvim_eval(`rpcnotify(${channel}, 'weather', 'rain') + rpcnotify(0, 'weather', {})`), 2);
    assert.equal(await editor.nvim_eval('7'), 7);
  });

  it('answers what it is asked, by the handlers that it was given', async () => {
    const [channel] = await editor.nvim_get_api_info();
    assert.deepEqual(await editor.nvim_eval(`rpcrequest(${channel}, 'forecast', 'today', 3)`), [
      'today',
      'today',
      'today',
    ]);
  });

  it('says of what it has no handler for that it does not serve it', async () => {
    const [channel] = await editor.nvim_get_api_info();
    const ask = `return {pcall(vim.rpcrequest, ...)}`;
    const [succeeded, error] = (await editor.nvim_exec_lua(ask, [channel, 'weather', 'today'])) as [boolean, string];
    assert.equal(succeeded, false);
    assert.match(error, /UNIMPLEMENTED: this client serves no method "weather"/);
  });

  it('gets each answer to its own call when thousands are under way', async () => {
    const numbers = Array.from({ length: 3_000 }, (_, index) => index);
    assert.deepEqual(
      await Promise.all(numbers.map((number) => editor.nvim_eval(`${number} * 2`))),
      numbers.map((n) => 2 * n),
    );
  });

  it('carries messages of megabytes both ways', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index}`.padStart(100, '-'));
    const buffer = await editor.nvim_get_current_buf();
    await editor.nvim_buf_set_lines(buffer, 0, -1, true, lines);
    assert.deepEqual(await editor.nvim_buf_get_lines(buffer, 0, -1, true), lines);
  });

  it('gives up a call at its deadline, and drops the answer that comes later', async () => {
    await assert.rejects(editor.with({ timeoutMs: 200 }).nvim_exec_lua(HOLD, []), {
      code: 'DEADLINE_EXCEEDED',
      progress: 'maybe-processed',
    });
    await editor.nvim_set_var('go', true);
    assert.equal(await editor.nvim_eval('2 + 3'), 5);
  });

  it('gives up a call when its signal aborts', async () => {
    const controller = new AbortController();
    const held = editor.with({ signal: controller.signal }).nvim_exec_lua(HOLD, []);
    // Neovim takes requests in the order in which they come, so this one is answered while the other is held.
    assert.equal(await editor.nvim_eval('g:held'), true);
    controller.abort();
    await assert.rejects(held, { code: 'CANCELLED', progress: 'maybe-processed' });
    await editor.nvim_set_var('go', true);
    assert.equal(await editor.nvim_eval('3 + 3'), 6);
  });

  it('fails its calls when Neovim dies, and calls the next one on the same port', async () => {
    const held = [1, 2, 3].map(() => editor.nvim_exec_lua(HOLD, []));
    assert.equal(await editor.nvim_eval('g:held'), true);
    const [failures] = await Promise.all([Promise.allSettled(held), neovim.kill()]);
    for (const failure of failures) {
      assert.equal(failure.status, 'rejected');
      assert.equal(failure.reason.code, 'UNAVAILABLE');
      assert.equal(failure.reason.progress, 'maybe-processed');
      assert.match(failure.reason.message, new RegExp(neovim.address.replaceAll('.', '\\.')));
    }
    neovim = await startNeovim(neovim.address);
    assert.equal(await editor.with({ waitForReady: true }).nvim_eval('4 + 4'), 8);
  });
});

describe('a client of Neovim on a unix socket', () => {
  it('calls it as over TCP', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-nvim-'));
    const neovim = await startNeovim(join(directory, 'socket'));
    const client = editorClient(neovim);
    try {
      assert.equal(await client.service(Editor).nvim_eval('6 * 7'), 42);
    } finally {
      await client.close();
      await neovim.kill();
      await rm(directory, { recursive: true });
    }
  });
});
