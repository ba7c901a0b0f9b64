import { createHash } from 'node:crypto';
import { assertNumber, assertObject, describeValue } from '@org/rpc-core/internal';
import { readInstance } from '../endpoint-data.js';
import { type EndpointSecret, readEndpointSecret } from '../endpoint-secret.js';
import type { Instance } from '../registry.js';
import type { Owner } from './local-owner.js';

/** What one file of a local registry says. */
export interface LocalEntry {
  readonly instance: Instance;
  readonly owner: Owner;
  /** Tells two registrations of one id apart, in one process or in two. */
  readonly token: string;
  /** Whether the instance has said goodbye: the file only tells that, and is removed soon. */
  readonly left: boolean;
}

/** The longest file that is written or read, in bytes. */
export const ENTRY_BYTES_MAX = 64 * 1024;

/** How the name of every entry's file ends. */
export const ENTRY_SUFFIX = '.json';

/**
 * The text of an entry's file.
 * @throws TypeError when it is longer than {@link ENTRY_BYTES_MAX}
 */
export function encodeEntry(entry: LocalEntry): string {
  const secret = entry.instance.endpoint.secret?.reveal();
  const text = `${JSON.stringify({ schema: SCHEMA, ...entry, secret })}\n`;
  const bytes = Buffer.byteLength(text);
  if (bytes <= ENTRY_BYTES_MAX) return text;
  const { id } = entry.instance.endpoint;
  throw new TypeError(
    `local: the entry of instance "${id}" takes ${bytes} of at most ${ENTRY_BYTES_MAX} bytes; give it fewer services or tags`,
  );
}

/**
 * Reads the text of an entry's file.
 * @throws TypeError or SyntaxError that says what is wrong with it
 */
export function decodeEntry(bytes: Uint8Array): LocalEntry {
  const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  assertObject('entry', 'the content', value);
  const { schema, instance, owner, token, left, secret } = value;
  if (schema !== SCHEMA)
    throw new TypeError(`entry: schema ${describeValue(schema)} is not ${SCHEMA}, the one of this version`);
  if (typeof token !== 'string') throw new TypeError(`entry: token must be text, got ${describeValue(token)}`);
  const read = withSecret(readInstance('entry', instance), readEndpointSecret('entry', secret));
  return { instance: read, owner: readOwner(owner), token, left: left === true };
}

function withSecret(instance: Instance, secret: EndpointSecret | undefined): Instance {
  if (secret === undefined) return instance;
  return Object.freeze({ ...instance, endpoint: Object.freeze({ ...instance.endpoint, secret }) });
}

/** The name of an entry's file. */
export function entryFileName(id: string): string {
  return safeFileName(id) + ENTRY_SUFFIX;
}

/**
 * A name as the name of a file: all but a few characters are percent-encoded, capitals too, because some file systems take `A`
 * for `a`, and a dot at the start, so that `..` is no step. One that gets longer than file names may be is replaced by its
 * hash.
 */
export function safeFileName(name: string): string {
  const encoded = name.replace(/^\.|[^a-z0-9._-]/gu, percentEncode);
  return encoded.length <= NAME_LENGTH_MAX ? encoded : createHash('sha256').update(name).digest('hex');
}

/** The form of the files. A file of another form was written by another version and is skipped. */
const SCHEMA = 1;
/** File systems take 255 bytes. */
const NAME_LENGTH_MAX = 200;
const PID_MAX = 2 ** 31 - 1;

function percentEncode(character: string): string {
  const bytes = [...Buffer.from(character)];
  return bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}

function readOwner(owner: unknown): Owner {
  assertObject('entry', 'owner', owner);
  const { pid, startedAt, machine } = owner;
  // 0 and negative numbers mean groups of processes, such as the reader's own.
  assertNumber('entry', 'pid', pid, { min: 1, max: PID_MAX, integer: true });
  if (typeof startedAt !== 'string' || typeof machine !== 'string') {
    throw new TypeError('entry: startedAt and machine of the owner must be text');
  }
  return { pid, startedAt, machine };
}
