import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, Server } from '@org/rpc';
import { Editor, editorClient, type Neovim, startNeovim } from './neovim.js';
import { usersServer } from './users-server.js';

describe('Neovim as a client', function () {
  this.timeout(20_000);
  let server: Server;
  let port = 0;
  let neovim: Neovim;
  let editor: Client;
  before(async () => {
    server = usersServer();
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
    neovim = await startNeovim();
    editor = editorClient(neovim);
  });
  after(async () => {
    await editor?.close();
    await neovim?.kill();
    await server?.close({ drainMs: 0, graceMs: 0 });
  });

  /** Runs Lua in Neovim with `chan`, a channel to the server, and gives what it returns. */
  async function inNeovim(lua: string, mode = 'tcp', address = `127.0.0.1:${port}`): Promise<unknown> {
    const code = `
      local mode, address = ...
      local chan = vim.fn.sockconnect(mode, address, { rpc = true })
      local function run() ${lua} end
      local results = { pcall(run) }
      vim.fn.chanclose(chan)
      if not results[1] then error(results[2]) end
      return results[2]`;
    return editor.service(Editor).nvim_exec_lua(code, [mode, address]);
  }

  it('calls methods by their path and by their bare name', async () => {
    const lua = `return { vim.rpcrequest(chan, 'users.get', 7), vim.rpcrequest(chan, 'get', 8) }`;
    assert.deepEqual(await inNeovim(lua), ['user 7', 'user 8']);
  });

  it('calls with the functions of Vim script too', async () => {
    const call = `[sockconnect('tcp', '127.0.0.1:${port}', {'rpc': v:true})]->map({_, chan -> rpcrequest(chan, 'get', 9)})[0]`;
    assert.equal(await editor.service(Editor).nvim_eval(call), 'user 9');
  });

  it('gets back values of every kind as it sent them', async () => {
    const lua = `
      local values = { 1, -5, 1.5, true, 'text', 'h\\195\\169', '\\255\\254', { a = { b = {} } }, { 1, { 2 } }, 2^40 }
      return vim.deep_equal(vim.rpcrequest(chan, 'echo', values), values)`;
    assert.equal(await inNeovim(lua), true);
  });

  it('gets its handles back', async () => {
    const call = `rpcrequest(sockconnect('tcp', '127.0.0.1:${port}', {'rpc': v:true}), 'echo', [nvim_get_current_buf()])`;
    assert.deepEqual(await editor.service(Editor).nvim_eval(call), [1]);
  });

  it('shows our errors', async () => {
    const lua = `
      local function message(...) local _, text = pcall(vim.rpcrequest, chan, ...) return text end
      return { message('get', 0), message('gett'), message('nobody.get') }`;
    const [notFound, unknownMethod, unknownService] = (await inNeovim(lua)) as [string, string, string];
    assert.match(notFound, /NOT_FOUND: no such user/);
    assert.match(unknownMethod, /UNIMPLEMENTED: service "users" has no method "gett"; did you mean "get"\?/);
    assert.match(unknownService, /UNIMPLEMENTED: this server has no service "nobody"/);
  });

  it('notifies, in order with its requests', async () => {
    const lua = `
      for i = 1, 100 do vim.rpcnotify(chan, 'users.seen', 'event ' .. i) end
      vim.rpcnotify(chan, 'no_such_method', {})
      return vim.rpcrequest(chan, 'all')`;
    assert.deepEqual(
      await inNeovim(lua),
      Array.from({ length: 100 }, (_, index) => `event ${index + 1}`),
    );
  });

  it('sends and gets megabytes', async () => {
    assert.equal(await inNeovim(`return #vim.rpcrequest(chan, 'echo', string.rep('x', 3000000))`), 3_000_000);
  });

  it('calls over a unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rpc-nvim-'));
    const other = usersServer();
    const path = join(directory, 'socket');
    await other.listen({ path });
    try {
      assert.equal(await inNeovim(`return vim.rpcrequest(chan, 'get', 3)`, 'pipe', path), 'user 3');
    } finally {
      await other.close({ drainMs: 0, graceMs: 0 });
      await rm(directory, { recursive: true });
    }
  });
});
