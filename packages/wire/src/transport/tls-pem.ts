import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { describeValue } from '@org/rpc-core/internal';

/** A certificate or a key in PEM: the content of the file, not its path. */
export type Pem = string | Buffer;

/** @throws TypeError naming the option: not PEM, DER, something else than certificates */
export function checkCertificate(where: string, name: string, value: unknown): X509Certificate {
  const pem = checkPem(where, name, value, 'CERTIFICATE');
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new TypeError(`${where}: ${name} is no readable certificate: ${(error as Error).message}`);
  }
}

/** @throws TypeError naming the option: not PEM, DER, encrypted without a passphrase or with another one */
export function checkPrivateKey(
  where: string,
  name: string,
  value: unknown,
  passphrase: string | undefined,
): KeyObject {
  const pem = checkPem(where, name, value, 'PRIVATE KEY');
  const isEncrypted = pem.includes('BEGIN ENCRYPTED PRIVATE KEY') || /^Proc-Type:.*ENCRYPTED/m.test(pem);
  if (isEncrypted && passphrase === undefined)
    throw new TypeError(`${where}: ${name} is encrypted; give tls.passphrase, or decrypt it`);
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    const help = isEncrypted ? 'is tls.passphrase the right one?' : (error as Error).message;
    throw new TypeError(`${where}: ${name} is no readable private key: ${help}`);
  }
}

function checkPem(where: string, name: string, value: unknown, label: string): string {
  const isBytes = value instanceof Uint8Array;
  // Not shown: it may be a secret.
  if (typeof value !== 'string' && !isBytes)
    throw new TypeError(`${where}: ${name} must be PEM as text or a Buffer, got ${kindOf(value)}`);
  const text = isBytes ? Buffer.from(value).toString('latin1') : value;
  if (new RegExp(`-----BEGIN [A-Z0-9 ]*${label}-----`).test(text)) return text;
  if (isBytes && value[0] === DER_SEQUENCE)
    throw new TypeError(
      `${where}: ${name} is DER; convert it to PEM with \`openssl ${commandFor(label)} -inform der\``,
    );
  const other = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1];
  const came = other === undefined ? 'the content of a file is meant, not its path' : `it holds a ${other}`;
  throw new TypeError(`${where}: ${name} must be PEM with a ${label}: ${came}`);
}

/** What every certificate and key begins with in DER. */
const DER_SEQUENCE = 0x30;

function commandFor(label: string): string {
  return label === 'CERTIFICATE' ? 'x509' : 'pkey';
}

function kindOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : describeValue(value);
}
