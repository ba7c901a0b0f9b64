import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliError } from '../cli-error.js';
import { parseCommandLine } from './command-line.js';
import { TLS_SPECS, tlsOptions } from './tls-options.js';

const read = (...words: string[]): unknown => tlsOptions(parseCommandLine(words, TLS_SPECS));

describe('the options of TLS', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rpc-cli-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('stand for plaintext when none is given, and for the authorities of Node.js with --tls alone', () => {
    assert.equal(read(), undefined);
    assert.equal(read('--tls'), true);
  });

  it('imply TLS', () => {
    assert.deepEqual(read('--tls-server-name', 'orders.internal'), { serverName: 'orders.internal' });
  });

  it('name option and file when it cannot be read', () => {
    for (const option of ['tls-ca', 'tls-cert', 'tls-key']) {
      const file = join(folder, 'none.pem');
      assert.throws(
        () => read(`--${option}`, file),
        (error) =>
          error instanceof CliError &&
          error.message.startsWith(`--${option} cannot read ${file}: ENOENT: no such file`),
      );
    }
  });

  it('name option and file when it holds something else, and never what it holds', () => {
    const file = join(folder, 'ca.pem');
    writeFileSync(file, 'secret');
    assert.throws(() => read('--tls-ca', file), {
      name: 'CliError',
      message: `--tls-ca ${file} must be PEM with a CERTIFICATE: the file has none`,
    });
  });

  it('say that certificate and key go together', () => {
    const file = join(folder, 'me.crt');
    writeFileSync(file, 'text');
    assert.throws(() => read('--tls-cert', file), {
      name: 'CliError',
      message: `--tls-cert ${file} and --tls-key go together`,
    });
  });

  it('refuse a server name with a port', () => {
    assert.throws(() => read('--tls-server-name', 'a:1'), {
      name: 'CliError',
      message: /^--tls-server-name must be the name of a host, without a port/,
    });
  });
});
