import { types } from 'node:util';
import { formatJson } from '@org/rpc-core/internal';
import { CliError } from '../cli-error.js';

/**
 * JSON for every value that a call can carry. What JSON has no word for is an object whose one key begins with a dollar sign:
 *
 * | value | form |
 * |---|---|
 * | `undefined` | `{"$undefined":true}` |
 * | `NaN`, infinities, `-0` | `{"$number":"NaN"}` |
 * | `bigint` | `{"$bigint":"123"}` |
 * | `Date` | `{"$date":"2026-11-02T00:00:00.000Z"}` |
 * | `Uint8Array`, `Buffer` | `{"$bytes":"AQID"}`, base64 |
 * | `Map`, `Set` | `{"$map":[[key,value],...]}`, `{"$set":[...]}` |
 * | `Error` | `{"$error":{"name":"Error","message":"..."}}` |
 * | typed array, `ArrayBuffer` | `{"$typed":["Float64Array","..."]}`, its bytes, little-endian, as base64 |
 * | an object that looks like one of these | `{"$object":{...}}` |
 *
 * The same forms are read in arguments, so that what was printed can be sent.
 */
export function toTypedJson(value: unknown, indent = 2): string {
  return formatJson(describe(value), indent);
}

/**
 * Reads a value from JSON with the forms of {@link toTypedJson}.
 * @param where - what the text is, for errors
 * @throws SyntaxError when it is no JSON; CliError for an integer that a number cannot hold, or a form with a wrong content
 */
export function parseTypedJson(text: string, where: string): unknown {
  const value: unknown = JSON.parse(text);
  assertExact(text, where);
  return revive(value, where);
}

/** The typed arrays that have a form of their own; `Uint8Array` is `$bytes`. */
const TYPED = {
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
} as const;

/** How the content of each form becomes a value; `undefined` when it does not fit. */
const FORMS: Readonly<Record<string, (content: unknown, where: string) => { readonly value: unknown } | undefined>> = {
  $undefined: (content) => (content === true ? { value: undefined } : undefined),
  $number: (content) => (isSpecialNumber(content) ? { value: Number(content) } : undefined),
  $bigint: (content) => (isText(content) && /^-?\d+$/.test(content) ? { value: BigInt(content) } : undefined),
  $date: (content) => {
    const date = new Date(isText(content) ? content : Number.NaN);
    return Number.isNaN(date.getTime()) ? undefined : { value: date };
  },
  $bytes: (content) => (isBase64(content) ? { value: Buffer.from(content, 'base64') } : undefined),
  $map: (content, where) => {
    if (!Array.isArray(content) || !content.every((entry) => Array.isArray(entry) && entry.length === 2))
      return undefined;
    return { value: new Map(content.map(([key, value]) => [revive(key, where), revive(value, where)])) };
  },
  $set: (content, where) =>
    Array.isArray(content) ? { value: new Set(content.map((member) => revive(member, where))) } : undefined,
  $error: (content) => {
    const { name, message } = (content ?? {}) as { name?: unknown; message?: unknown };
    if (!isText(name) || !isText(message)) return undefined;
    return { value: Object.defineProperty(new Error(message), 'name', { value: name, configurable: true }) };
  },
  $typed: (content) => {
    if (!Array.isArray(content) || content.length !== 2 || !isBase64(content[1])) return undefined;
    const { buffer } = new Uint8Array(Buffer.from(content[1], 'base64'));
    if (content[0] === 'ArrayBuffer') return { value: buffer };
    const type = Object.hasOwn(TYPED, content[0]) ? TYPED[content[0] as keyof typeof TYPED] : undefined;
    if (type === undefined || buffer.byteLength % type.BYTES_PER_ELEMENT !== 0) return undefined;
    return { value: new type(buffer) };
  },
  $object: (content, where) => (isObject(content) ? { value: reviveFields(content, where) } : undefined),
};

function describe(value: unknown): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? '-0' : String(value) };
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, describe);
  if (types.isDate(value)) return { $date: value.toISOString() };
  if (types.isUint8Array(value)) return { $bytes: base64(value.buffer, value.byteOffset, value.byteLength) };
  if (types.isMap(value)) return { $map: Array.from(value, ([key, each]) => [describe(key), describe(each)]) };
  if (types.isSet(value)) return { $set: Array.from(value, describe) };
  if (value instanceof Error) return { $error: { name: value.name, message: value.message } };
  if (types.isAnyArrayBuffer(value)) return { $typed: ['ArrayBuffer', base64(value, 0, value.byteLength)] };
  if (ArrayBuffer.isView(value))
    return { $typed: [value.constructor.name, base64(value.buffer, value.byteOffset, value.byteLength)] };
  const fields = mapFields(value, describe);
  return formOf(value) === undefined ? fields : { $object: fields };
}

function revive(value: unknown, where: string): unknown {
  if (Array.isArray(value)) return value.map((each) => revive(each, where));
  if (!isObject(value)) return value;
  const form = formOf(value);
  if (form === undefined) return reviveFields(value, where);
  const content = (value as Record<string, unknown>)[form];
  const revived = FORMS[form]!(content, where);
  if (revived === undefined)
    throw new CliError(`${where}: ${JSON.stringify(content).slice(0, 60)} does not fit into ${form}`);
  return revived.value;
}

function reviveFields(value: object, where: string): unknown {
  return mapFields(value, (each) => revive(each, where));
}

function mapFields(value: object, map: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, map(each)]));
}

/** The form that an object is, or looks like. */
function formOf(value: object): string | undefined {
  const keys = Object.keys(value);
  return keys.length === 1 && Object.hasOwn(FORMS, keys[0]!) ? keys[0] : undefined;
}

/** The strings and the numbers of a JSON text: strings too, so that digits inside of them are not taken for numbers. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON.parse rounds what a number cannot hold, and the call would be about something else. @throws CliError */
function assertExact(text: string, where: string): void {
  for (const [token] of text.matchAll(TOKENS)) {
    if (token.startsWith('"')) continue;
    const number = Number(token);
    // The second: what a number looks like when it is printed, which is not all of its digits when it is large.
    const isExact = /^-?\d+$/.test(token)
      ? BigInt(token) === BigInt(number) || token === String(number)
      : Number.isFinite(number);
    if (!isExact)
      throw new CliError(
        `${where}: a number cannot hold ${token.slice(0, 60)} exactly; write {"$bigint":"..."} for a bigint, or quote it for text`,
      );
  }
}

function base64(memory: ArrayBufferLike, offset: number, length: number): string {
  return Buffer.from(memory, offset, length).toString('base64');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isSpecialNumber(value: unknown): boolean {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' || value === '-0';
}

function isBase64(value: unknown): value is string {
  return isText(value) && /^[A-Za-z0-9+/]*={0,2}$/.test(value);
}
