import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Makes an authority in a folder, with the program openssl. For this example: real ones come from your own authority. */
export function createAuthority(folder: string): Buffer {
  const config = ['[req]', 'distinguished_name = name', '[name]', '[authority]', 'basicConstraints = critical,CA:true'];
  writeFileSync(join(folder, 'openssl.cnf'), config.join('\n'));
  openssl(
    folder,
    `req -x509 -config openssl.cnf -extensions authority ${NEW_KEY} -subj /CN=Example -days 1 -keyout ca.key -out ca.crt`,
  );
  return readFileSync(join(folder, 'ca.crt'));
}

/** @param names - in the words of openssl: `IP:127.0.0.1`, `DNS:orders.internal`, `URI:spiffe://prod/orders` */
export function issue(folder: string, file: string, names: string): Certificate {
  writeFileSync(join(folder, `${file}.cnf`), `subjectAltName = ${names}\n`);
  openssl(folder, `req -new -config openssl.cnf ${NEW_KEY} -subj /CN=${file} -keyout ${file}.key -out ${file}.csr`);
  openssl(
    folder,
    `x509 -req -in ${file}.csr -CA ca.crt -CAkey ca.key -set_serial ${file.length} -days 1 -extfile ${file}.cnf -out ${file}.crt`,
  );
  return { cert: readFileSync(join(folder, `${file}.crt`)), key: readFileSync(join(folder, `${file}.key`)) };
}

const NEW_KEY = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

function openssl(folder: string, command: string): void {
  execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'pipe' });
}
