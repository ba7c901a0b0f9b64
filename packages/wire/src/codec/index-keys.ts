/** The text of the largest index, 4294967294, has this many digits. */
const DIGITS_MAX = 10;
const INDEX_MAX = 2 ** 32 - 2;

/**
 * The index that a key of an object means: JavaScript keeps properties whose names are whole numbers in an array of their own, as
 * long as the largest of them.
 * @returns -1 when `bytes[start, end)` is not the decimal text of a whole number from 0 to 2^32 - 2
 */
export function indexOfKey(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length === 0 || length > DIGITS_MAX) return -1;
  let index = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  // A name such as `007` is no index.
  return index > INDEX_MAX || (length > 1 && bytes[start] === 0x30) ? -1 : index;
}

/**
 * Makes an object keep its indices in a hash table (about 60 bytes for each) instead of an array: `{"1023": 1}`, seven bytes on the wire,
 * would take 12 KB. V8 changes to the table by itself only for gaps of 1,024 and more, and never goes back from an index this high.
 */
export function keepSparse(object: Record<number, unknown>): void {
  object[INDEX_MAX] = undefined;
  delete object[INDEX_MAX];
}
