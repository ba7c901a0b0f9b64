const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
};
const mapsIn = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = new Map([['inner', value]]);
  return value;
};

/**
 * Values that anybody may hand to a call: some travel, some cannot. Whatever becomes of them, it is that call's matter. Made anew
 * each time, by name, so that a server can make them as well.
 */
const VALUES: Readonly<Record<string, () => unknown>> = {
  'an array of 9,000': () => Array.from({ length: 9_000 }, (_, i) => i),
  'an array of 1,000,000': () => new Array(1_000_000).fill(7),
  'an array of 999,999': () => new Array(999_999).fill(7),
  'objects of 600,000 pairs': () => Array.from({ length: 6_000 }, () => Object.fromEntries(hundred.map((k) => [k, 1]))),
  'arrays 63 deep': () => nested(62),
  'arrays 64 deep': () => nested(63),
  'arrays 65 deep': () => nested(64),
  'arrays 66 deep': () => nested(65),
  'arrays 1,000 deep': () => nested(1_000),
  'maps 60 deep': () => mapsIn(60),
  'maps 80 deep': () => mapsIn(80),
  'a map of 4,000 numbers': () => new Map(Array.from({ length: 4_000 }, (_, i) => [i, i])),
  'a map of 5,000 numbers': () => new Map(Array.from({ length: 5_000 }, (_, i) => [i, i])),
  'a set of 5,000 numbers': () => new Set(Array.from({ length: 5_000 }, (_, i) => i)),
  'a set of 5,000 bigints': () => new Set(Array.from({ length: 5_000 }, (_, i) => BigInt(i))),
  'a map of everything': () =>
    new Map<unknown, unknown>([
      [null, 1],
      [undefined, 2],
      [{}, 3],
      [[], new Map([[1n, /./]])],
    ]),
  'a bigint of 1,024 bytes': () => 1n << 8_190n,
  'a bigint of 1,025 bytes': () => 1n << 8_192n,
  'a key __proto__': () => JSON.parse('{"__proto__":{"a":1}}') as unknown,
  'a date that is none': () => new Date(Number.NaN),
  'the last date': () => new Date(8.64e15),
  'the first date': () => new Date(-8.64e15),
  'half a surrogate': () => '\ud800',
  'a key of half a surrogate': () => ({ '\udc00': 1 }),
  'a function': () => () => 1,
  'a symbol': () => Symbol('no'),
  'a weak map': () => new WeakMap(),
  'a promise': () => Promise.resolve(1),
  'an error of odd parts': () => Object.assign(new Error('x'), { name: 7, message: {} }),
  'an error in a map in a set': () => new Set([new Map([[1, new TypeError('no')]])]),
  'a getter that throws': () => Object.defineProperty({}, 'x', { enumerable: true, get: () => JSON.parse('{') }),
  'a value in itself': () => {
    const value: unknown[] = [];
    value.push(value);
    return value;
  },
  'typed arrays of all kinds': () => [new Int8Array(3), new Float64Array(2), new BigInt64Array(1), new ArrayBuffer(5)],
  'a shared memory': () => new SharedArrayBuffer(8),
  'not a number': () => [Number.NaN, Number.POSITIVE_INFINITY, -0],
  nothing: () => undefined,
  '4 MiB': () => Buffer.alloc(4 * 1024 * 1024 - 100),
  '5 MiB': () => Buffer.alloc(5 * 1024 * 1024),
  '20 MiB': () => Buffer.alloc(20 * 1024 * 1024),
  '5 MiB of text': () => 'x'.repeat(5 * 1024 * 1024),
};
const hundred = Array.from({ length: 100 }, (_, i) => `k${i}`);

export const AWKWARD: readonly string[] = Object.keys(VALUES);

/** The value of a name of {@link AWKWARD}. */
export function awkward(name: string): unknown {
  return VALUES[name]!();
}
