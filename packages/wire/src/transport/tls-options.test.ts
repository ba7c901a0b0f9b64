import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { type Issued, TestAuthority } from '../../test/certificates.js';
import { splitNames } from './tls-identity.js';
import { type ClientTlsOptions, resolveClientTls, resolveServerTls, type ServerTlsOptions } from './tls-options.js';
import { createServerTls } from './tls-source.js';

describe('the TLS options', function () {
  this.timeout(20_000);
  let authority: TestAuthority;
  let own: Issued;
  let other: Issued;
  let encrypted: string;
  before(() => {
    authority = new TestAuthority();
    own = authority.issue();
    other = authority.issue();
    const args = ['pkey', '-aes256', '-passout', 'pass:secret'];
    encrypted = execFileSync('openssl', args, { input: own.key, stdio: 'pipe', encoding: 'utf8' });
  });
  after(() => authority.remove());

  const server = (change: object): unknown => resolveServerTls('f', { ...own, ...change } as ServerTlsOptions);
  const client = (options: object): unknown => resolveClientTls('f', options as ClientTlsOptions);
  const typeError = (message: RegExp): object => ({ name: 'TypeError', message });

  it('take what fits, as text or bytes', () => {
    server({});
    server({
      cert: Buffer.from(own.cert),
      ca: [authority.ca],
      requestClientCertificate: 'require',
      minVersion: 'TLSv1.3',
    });
    server({ key: encrypted, passphrase: 'secret' });
    client({ ...own, ca: authority.ca, serverName: '127.0.0.1' });
    resolveClientTls('f', true);
  });

  it('name what is missing or does not belong together', () => {
    assert.throws(() => server({ key: undefined }), typeError(/^f: tls\.key is missing/));
    assert.throws(() => server({ key: other.key }), typeError(/^f: tls\.key is not the key of tls\.cert/));
    assert.throws(() => client({ key: own.key }), typeError(/^f: tls\.cert and tls\.key go together/));
    assert.throws(() => server({ requestClientCertificate: true }), typeError(/needs tls\.ca/));
    assert.throws(() => server({ ca: authority.ca }), typeError(/give tls\.requestClientCertificate/));
    assert.throws(() => client({ ca: [] }), typeError(/tls\.ca names no authority/));
  });

  it('tell what was given instead of PEM, and never show it', () => {
    const der = Buffer.from(own.cert.replace(/-----.*-----|\s/g, ''), 'base64');
    assert.throws(() => server({ cert: der }), typeError(/tls\.cert is DER; convert it .*openssl x509 -inform der/));
    assert.throws(() => server({ cert: 'server.pem' }), typeError(/the content of a file is meant, not its path/));
    assert.throws(() => server({ cert: own.key }), typeError(/tls\.cert must be PEM with a CERTIFICATE: it holds a/));
    assert.throws(() => server({ key: encrypted }), typeError(/tls\.key is encrypted; give tls\.passphrase/));
    assert.throws(
      () => server({ key: encrypted, passphrase: 'wrong' }),
      (error: Error) => error.message.endsWith('is tls.passphrase the right one?'),
    );
  });

  it('refuse what would make TLS worthless or is unknown', () => {
    assert.throws(() => client({ rejectUnauthorized: false }), typeError(/certificates are always checked/));
    assert.throws(() => server({ minVersion: 'TLSv1' }), typeError(/tls\.minVersion must be 'TLSv1\.2' or/));
    assert.throws(() => client({ serverNam: 'a' }), typeError(/f: tls: unknown option "serverNam"; did you mean/));
    assert.throws(() => client({ serverName: 'a:1' }), typeError(/tls\.serverName must be the name of a host/));
  });

  it('stay as they were when a replacement is not usable', () => {
    const source = createServerTls('f', own);
    assert.throws(() => source.update('f', { key: other.key }), TypeError);
    assert.equal(source.current.options.key, own.key);
    source.update('f', other);
    assert.equal(source.current.options.key, other.key);
  });
});

describe('the names of a certificate', () => {
  it('are taken apart only where Node.js has joined them', () => {
    assert.deepEqual(splitNames('DNS:a, URI:spiffe://b, IP Address:1.2.3.4'), [
      'DNS:a',
      'URI:spiffe://b',
      'IP Address:1.2.3.4',
    ]);
    assert.deepEqual(splitNames('DNS:"a, URI:spiffe://evil", DNS:b'), ['DNS:a, URI:spiffe://evil', 'DNS:b']);
  });
});
