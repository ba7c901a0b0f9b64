import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate and its key, in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

/** What a certificate says. */
export interface Wanted {
  readonly name?: string;
  /** In the words of openssl: `DNS:localhost,IP:127.0.0.1`. */
  readonly names?: string;
  /** `YYMMDDHHMMSSZ`. */
  readonly from?: string;
  readonly until?: string;
  /** What it may be used for. */
  readonly use?: 'serverAuth' | 'clientAuth' | 'serverAuth,clientAuth';
}

const CONFIGURATION = `
[ca]
default_ca = own
[own]
database = index.txt
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
new_certs_dir = .
copy_extensions = none
[any]
commonName = optional
[authority]
basicConstraints = critical,CA:true
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
`;

/** An authority for tests, in a folder of its own, made with the program openssl. Give it back with `remove`. */
export class TestAuthority {
  readonly ca: string;
  readonly #folder: string;
  #issued = 0;

  constructor(name = 'Test Authority') {
    this.#folder = mkdtempSync(join(tmpdir(), 'rpc-tls-'));
    writeFileSync(join(this.#folder, 'ca.cnf'), `${CONFIGURATION}[req]\ndistinguished_name = any\n`);
    writeFileSync(join(this.#folder, 'index.txt'), '');
    this.#run('req -x509 -config ca.cnf -extensions authority -days 3650', ['-subj', `/CN=${name}`], 'ca');
    this.ca = this.#read('ca.pem');
  }

  issue(wanted: Wanted = {}): Issued {
    const { name = '', names = 'DNS:localhost,IP:127.0.0.1', from = '200101000000Z', until = '491231000000Z' } = wanted;
    const file = `issued-${++this.#issued}`;
    const extensions = [`extendedKeyUsage = ${wanted.use ?? 'serverAuth,clientAuth'}`];
    if (names !== '') extensions.push(`subjectAltName = ${names}`);
    writeFileSync(join(this.#folder, `${file}.cnf`), `[leaf]\n${extensions.join('\n')}\n`);
    this.#run('req -new -config ca.cnf', ['-subj', name === '' ? '/' : `/CN=${name}`], file);
    const args = `ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -extensions leaf -extfile ${file}.cnf`;
    openssl(this.#folder, [
      ...args.split(' '),
      ...['-startdate', from, '-enddate', until, '-in', `${file}.pem`, '-out', `${file}.crt`],
    ]);
    return { cert: this.#read(`${file}.crt`), key: this.#read(`${file}.key`) };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(command: string, more: readonly string[], file: string): void {
    const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'.split(' ');
    openssl(this.#folder, [...command.split(' '), ...key, ...more, '-keyout', `${file}.key`, '-out', `${file}.pem`]);
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }
}

/** Runs the program. @throws Error that says what to install when it is missing, or what it has said */
export function openssl(folder: string, args: readonly string[], input?: string): Buffer {
  try {
    return execFileSync('openssl', args, { cwd: folder, stdio: 'pipe', ...(input === undefined ? {} : { input }) });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    const reason = code === 'ENOENT' ? 'install the program openssl' : String(stderr);
    throw new Error(`tests of TLS make certificates with openssl: ${reason}`);
  }
}
