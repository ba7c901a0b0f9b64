import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../packages/cli/src/cli.js';
import { type TestTerminal, testTerminal } from '../packages/cli/test/test-terminal.js';
import {
  callContext,
  createServer,
  defineService,
  memory,
  method,
  type Server,
  type ServerTlsOptions,
  systemClock,
} from '../packages/rpc/src/index.js';
import { TestAuthority } from '../packages/wire/test/certificates.js';

const Greeter = defineService('greeter', { hello: method<() => string>() });

describe('the command line over TLS', function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  let folder: string;
  const servers: Server[] = [];

  before(() => {
    authority = new TestAuthority();
    folder = mkdtempSync(join(tmpdir(), 'rpc-cli-tls-'));
    const me = authority.issue({ names: 'DNS:me' });
    for (const [name, text] of Object.entries({
      'ca.crt': authority.ca,
      'me.crt': me.cert,
      'me.key': me.key,
      'other.key': authority.issue().key,
    }))
      writeFileSync(join(folder, name), text);
  });
  after(() => {
    authority.remove();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close({ drainMs: 0, graceMs: 0 });
  });

  async function serving(tls: Partial<ServerTlsOptions> = {}, names?: string): Promise<string> {
    const issued = authority.issue(names === undefined ? {} : { names });
    const server = createServer({ registry: memory(), tls: { ...issued, ...tls } });
    server.add(Greeter, { hello: () => `hello, ${callContext()?.peer.identity ?? 'stranger'}` });
    servers.push(server);
    return `direct://127.0.0.1:${(await server.listen({ host: '127.0.0.1' })).port}`;
  }

  const file = (name: string): string => join(folder, name);

  async function rpc(...words: string[]): Promise<TestTerminal & { code: number }> {
    const terminal = testTerminal({ clock: systemClock });
    return Object.assign(terminal, { code: await runCli(words, terminal) });
  }

  it('calls a server whose authority is named', async () => {
    const registry = await serving();
    const { code, outText, errText } = await rpc(
      ...['call', 'greeter.hello', '--registry', registry, '--tls-ca', file('ca.crt')],
    );
    assert.deepEqual([code, outText, errText], [0, 'hello, stranger\n', '']);
  });

  it('shows its own certificate', async () => {
    const registry = await serving({ ca: authority.ca, requestClientCertificate: 'require' });
    const own = ['--tls-ca', file('ca.crt'), '--tls-cert', file('me.crt'), '--tls-key', file('me.key')];
    const { outText, errText } = await rpc('call', 'greeter.hello', '--registry', registry, ...own);
    assert.deepEqual([outText, errText], ['hello, me\n', '']);
  });

  it('takes the name in the certificate from --tls-server-name', async () => {
    const registry = await serving({}, 'DNS:greeter.internal');
    const name = ['--tls-ca', file('ca.crt'), '--tls-server-name', 'greeter.internal'];
    const { outText, errText } = await rpc('call', 'greeter.hello', '--registry', registry, ...name);
    assert.deepEqual([outText, errText], ['hello, stranger\n', '']);
  });

  it('names the option and the file when the key is not the key of the certificate', async () => {
    const words = ['--tls-cert', file('me.crt'), '--tls-key', file('other.key')];
    const { code, errText } = await rpc('call', 'greeter.hello', ...words);
    assert.equal(code, 1);
    assert.equal(errText, `rpc call: --tls-key ${file('other.key')} is not the key of --tls-cert ${file('me.crt')}\n`);
  });

  it('checks the same options of ls, which asks no server', async () => {
    const { errText } = await rpc('ls', '--registry', 'direct://127.0.0.1:1', '--tls-ca', file('none.crt'));
    assert.match(errText, /^rpc ls: --tls-ca cannot read .*none\.crt: ENOENT/);
  });

  it('benches over TLS', async () => {
    const registry = await serving();
    const words = 'bench greeter.hello -n 200 --warmup 0s --timeout 20s --json --seed 1 --registry'.split(' ');
    const { code, outText, errText } = await rpc(...words, registry, '--tls-ca', file('ca.crt'));
    assert.deepEqual([code, errText], [0, '']);
    assert.equal((JSON.parse(outText) as { result: { ok: number } }).result.ok, 200);
  });

  it('does not bench its own server, which is in plaintext, over TLS', async () => {
    const { code, errText } = await rpc('bench', '--self', '--tls');
    assert.equal(code, 1);
    assert.equal(errText, 'rpc bench: --self starts its own server, in plaintext: leave out --tls\n');
  });
});
