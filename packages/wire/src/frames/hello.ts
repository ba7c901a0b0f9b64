import { DEFAULT_LIMITS, type Limits } from '@org/rpc-core';
import type { Codec, EncodeTarget } from '../codec/codec.js';
import { msgpack } from '../codec/msgpack.js';
import { DEFLATE } from './compressed.js';
import { FrameType, HEADER_BYTES, PREFACE, ProtocolError } from './frame.js';
import { type FrameTarget, putHeader } from './frame-writer.js';
import { CONTROL } from './metadata.js';
import { CONNECTION_CREDIT, CREDIT_MAX, firstStreamCredit, STREAM_CREDIT } from './stream-frames.js';

/** What both sides say of themselves in HELLO: a MessagePack map with these keys; unknown keys are ignored. */
export interface Hello {
  /** The minor version of the protocol; both speak the smaller of the two. */
  readonly version: number;
  /** The id of the server that sends it, or the name of the client; `''` for one that says none. */
  readonly instance: string;
  /** The instance that the client means to reach; `''` when it does not care. */
  readonly expect: string;
  /** The name of the codec; both must say the same. */
  readonly codec: string;
  /** The largest message that the sender of the HELLO takes. */
  readonly messageBytes: number;
  /** How many calls in flight the sender of the HELLO takes on this connection. */
  readonly callsInFlight: number;
  /** How long the sender has been running, in milliseconds. */
  readonly uptimeMs: number;
  /** How many bytes of items the sender of the HELLO takes on each stream from its start (default 64 KiB, at least that). */
  readonly streamCredit?: number | undefined;
  /** The same for all streams of the connection together (default 1 MiB, at least that). */
  readonly connectionCredit?: number | undefined;
  /** The compressions that the sender of the HELLO accepts (default: none). Unknown names are ignored. */
  readonly compression?: readonly string[] | undefined;
  /** The contracts of the sender. A peer compares them to warn people, see docs/protocol.md. */
  readonly contracts?: string | undefined;
  /** Shows that the sender knows the secret of the server's entry in the registry: see {@link Proofs}. */
  readonly proof?: string | undefined;
  /** What shows who a client is, for servers that ask. A secret. */
  readonly token?: string | undefined;
  /** Of a client: it wants to know how busy the server is. Of a server: it tells, and answers when it is asked. */
  readonly load?: boolean | undefined;
  /** Whether the sender of the HELLO, a server, answers ASK (default false). */
  readonly standing?: boolean | undefined;
  /** How many bytes of pieces the sender of the HELLO takes before it grants more (default: it grants none, and takes any number). */
  readonly pieceCredit?: number | undefined;
}

/** The minor version that this library speaks. */
export const PROTOCOL_VERSION = 1;

const HELLO_BYTES_MAX = 16 * 1024;
const COMPRESSIONS_MAX = 16;
/** The least credit for pieces, in bytes: one of them. */
const PIECE_CREDIT_MIN = 64 * 1024;
/** The longest token, in characters. */
const TOKEN_LENGTH_MAX = 6_144;
/** The longest text of contracts, in UTF-16 units. */
const CONTRACTS_LENGTH_MAX = 8_192;
/**
 * It is read before anybody is authorized, so it has bounds of its own: three times what it holds today, which leaves room for
 * later versions.
 */
const HELLO_BOUNDS = { ...DEFAULT_LIMITS, messageElements: 64, messageDepth: 8 };
/** Always MessagePack, because it is HELLO that names the codec of calls. Later versions may put any value into it. */
const HELLO_CODEC = msgpack({ unknownExtensions: 'keep' });

/** Appends the body of a HELLO. */
export function writeHello(target: EncodeTarget, hello: Hello): void {
  const always = { streamCredit: STREAM_CREDIT, connectionCredit: CONNECTION_CREDIT, compression: [DEFLATE] };
  const { contracts, proof, token, load, standing, pieceCredit, ...rest } = hello;
  const few = {
    ...(contracts === undefined ? undefined : { contracts }),
    ...(proof === undefined ? undefined : { proof }),
    ...(token === undefined ? undefined : { token }),
    ...(load === true ? { load } : undefined),
    ...(standing === true ? { standing } : undefined),
    ...(pieceCredit === undefined ? undefined : { pieceCredit }),
  };
  HELLO_CODEC.encode({ ...always, ...rest, ...few }, target);
}

/** Reads the body of a HELLO. @throws ProtocolError naming the field that is wrong */
export function readHello(bytes: Buffer, start: number, end: number): Hello {
  if (end - start > HELLO_BYTES_MAX)
    throw new ProtocolError(`a HELLO of ${end - start} bytes is beyond ${HELLO_BYTES_MAX}`);
  let value: unknown;
  try {
    // A decoder for each HELLO, so that its cache of keys is not shared.
    value = HELLO_CODEC.createDecoder(HELLO_BOUNDS)(bytes, start, end);
  } catch (error) {
    throw new ProtocolError(`HELLO cannot be read: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ProtocolError('HELLO is not a map');
  const fields = value as Record<string, unknown>;
  return {
    version: count(fields, 'version', 1, 65_535),
    instance: text(fields, 'instance'),
    expect: text(fields, 'expect'),
    codec: text(fields, 'codec'),
    messageBytes: count(fields, 'messageBytes', 1024, 2 ** 32 - 1),
    callsInFlight: count(fields, 'callsInFlight', 1, 65_535),
    uptimeMs: count(fields, 'uptimeMs', 0, Number.MAX_SAFE_INTEGER),
    streamCredit: credit(fields, 'streamCredit', STREAM_CREDIT),
    connectionCredit: credit(fields, 'connectionCredit', CONNECTION_CREDIT),
    compression: names(fields, 'compression'),
    ...contracts(fields),
    ...(Object.hasOwn(fields, 'proof') ? { proof: text(fields, 'proof') } : undefined),
    ...(Object.hasOwn(fields, 'token') ? { token: token(fields['token']) } : undefined),
    ...(Object.hasOwn(fields, 'load') && fields['load'] === true ? { load: true } : undefined),
    ...(Object.hasOwn(fields, 'standing') && fields['standing'] === true ? { standing: true } : undefined),
    ...(Object.hasOwn(fields, 'pieceCredit')
      ? { pieceCredit: count(fields, 'pieceCredit', PIECE_CREDIT_MIN, CREDIT_MAX) }
      : undefined),
  };
}

/** A peer sends by the default credit before it has read this, so less can't be granted. */
function credit(fields: Record<string, unknown>, name: string, least: number): number {
  return Object.hasOwn(fields, name) ? count(fields, name, least, CREDIT_MAX) : least;
}

function count(fields: Record<string, unknown>, name: string, min: number, max: number): number {
  const value = fields[name];
  if (typeof value === 'number' && value >= min && value <= max) return Math.floor(value);
  throw new ProtocolError(`HELLO field "${name}" must be a number from ${min} to ${max}`);
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value === 'string' && value.length <= 256 && !CONTROL.test(value)) return value;
  throw new ProtocolError(
    `HELLO field "${name}" must be text of at most 256 characters, none of them control characters`,
  );
}

function token(value: unknown): string | undefined {
  if (value === null) return undefined;
  const fault = unfitToken(value);
  if (fault === undefined) return value as string;
  throw new ProtocolError(`HELLO field "token" must be ${fault}`);
}

/**
 * What a token must be, in words, when a value is none: visible ASCII characters, as the credentials of HTTP (RFC 6750). It never shows what
 * it was given: that is a secret, or was meant as one.
 */
export function unfitToken(value: unknown): string | undefined {
  const isToken = typeof value === 'string' && value.length <= TOKEN_LENGTH_MAX && /^[\x21-\x7e]+$/.test(value);
  return isToken ? undefined : `text of 1 to ${TOKEN_LENGTH_MAX} visible ASCII characters without spaces`;
}

function names(fields: Record<string, unknown>, name: string): readonly string[] {
  const value = (Object.hasOwn(fields, name) ? fields[name] : undefined) ?? [];
  if (Array.isArray(value) && value.length <= COMPRESSIONS_MAX && value.every((each) => typeof each === 'string'))
    return value as readonly string[];
  throw new ProtocolError(`HELLO field "${name}" must be an array of at most ${COMPRESSIONS_MAX} texts`);
}

/** It only helps people, so a text that cannot be read counts as absent. */
function contracts(fields: Record<string, unknown>): Pick<Hello, 'contracts'> | undefined {
  const value = Object.hasOwn(fields, 'contracts') ? fields['contracts'] : undefined;
  return typeof value === 'string' && value.length <= CONTRACTS_LENGTH_MAX ? { contracts: value } : undefined;
}

/** The fields of HELLO that differ between the two sides; the others follow from codec and limits. */
export type OwnWords = Pick<
  Hello,
  'instance' | 'expect' | 'uptimeMs' | 'contracts' | 'proof' | 'token' | 'load' | 'standing'
>;

/** Appends the preface, if a client does, and HELLO. */
export function writeGreeting(
  target: FrameTarget,
  codec: Codec,
  limits: Limits,
  words: OwnWords,
  withPreface: boolean,
): void {
  if (withPreface) target.position = target.reserve(PREFACE.length) + PREFACE.copy(target.chunk.bytes, target.position);
  const start = target.reserve(HEADER_BYTES);
  target.position = start + HEADER_BYTES;
  writeHello(target, {
    ...words,
    version: PROTOCOL_VERSION,
    codec: codec.name,
    messageBytes: limits.messageBytes,
    callsInFlight: limits.callsInFlight,
    streamCredit: firstStreamCredit(limits.streamCreditBytes),
    connectionCredit: limits.connectionCreditBytes,
    pieceCredit: limits.pieceCreditBytes,
  });
  putHeader(target, start, FrameType.HELLO, 0, 0);
}

/** Reads the peer's HELLO. @throws ProtocolError when it is none, or its codec is another */
export function readGreeting(codec: Codec, bytes: Buffer, start: number, end: number): Hello {
  const hello = readHello(bytes, start, end);
  if (hello.codec === codec.name) return hello;
  throw new ProtocolError(`the peer uses codec "${hello.codec}", this side "${codec.name}"`);
}
