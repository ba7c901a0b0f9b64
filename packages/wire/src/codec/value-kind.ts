import { types } from 'node:util';
import { UnknownExtension } from './extensions.js';
import { Float } from './float.js';

/** How an object is written; `unsupported` is what MessagePack and our extensions have no words for. */
export type ValueKind =
  | 'array'
  | 'plain'
  | 'binary'
  | 'date'
  | 'map'
  | 'set'
  | 'error'
  | 'typed-array'
  | 'array-buffer'
  | 'extension'
  | 'float'
  | 'unsupported';

/**
 * Tells how an object is written, by what it is and not by what its class is named: objects of another realm (a test runner's
 * or a `node:vm` context) and subclasses of the built-in ones are told too.
 */
export function valueKind(value: object): ValueKind {
  if (Array.isArray(value)) return 'array';
  if (isPlain(value)) return types.isArgumentsObject(value) ? 'unsupported' : 'plain';
  if (types.isUint8Array(value)) return 'binary';
  if (types.isDate(value)) return 'date';
  if (types.isMap(value)) return 'map';
  if (types.isSet(value)) return 'set';
  if (types.isNativeError(value) || value instanceof Error) return 'error';
  if (types.isTypedArray(value)) return 'typed-array';
  if (types.isArrayBuffer(value)) return 'array-buffer';
  if (value instanceof Float) return 'float';
  return value instanceof UnknownExtension ? 'extension' : 'unsupported';
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return true;
  // The Object.prototype of another realm: it has no prototype and this method of its own.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
