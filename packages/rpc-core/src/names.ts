import { describeValue } from './describe-value.js';

/** The longest name of a service or a method, in bytes (names are ASCII): its length must fit one byte on the wire. */
export const NAME_BYTES_MAX = 200;

/**
 * Names that no method can have. `with` is the stub's own. `await`, `JSON.stringify` and assignment look for the others on any
 * object, so a remote method of that name would be called by accident.
 */
export const RESERVED_METHOD_NAMES: readonly ReservedMethodName[] = [
  'with',
  'then',
  'catch',
  'finally',
  'toJSON',
  '__proto__',
];

/** A name that no method can have: stubs or the language use it. */
export type ReservedMethodName = 'with' | 'then' | 'catch' | 'finally' | 'toJSON' | '__proto__';

/**
 * Checks the name of a service or a method: 1 to {@link NAME_BYTES_MAX} letters, digits, `.`, `_` or `-` of ASCII, the
 * first one a letter, a digit or `_`.
 *
 * @param what - what is named, and where, for the message: `defineService: service name`
 * @throws TypeError that names the value and the rule
 */
export function assertName(what: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && value.length <= NAME_BYTES_MAX && NAME_PATTERN.test(value)) return;
  const rule = `1 to ${NAME_BYTES_MAX} of a-z, A-Z, 0-9, ".", "_" and "-", not starting with "." or "-"`;
  throw new TypeError(`${what} must be ${rule}, got ${describeValue(value)}`);
}

/** Whether a method may not have this name, see {@link RESERVED_METHOD_NAMES}. */
export function isReservedMethodName(name: string): name is ReservedMethodName {
  return RESERVED_NAMES.has(name);
}

/**
 * The name that was probably meant, `undefined` when none is near. It is the one with the fewest edits from `wrong`, ignoring
 * case, if those are at most two fifths of the longer name; otherwise one that continues `wrong` or begins with the same half.
 *
 * Edits are insertions, deletions, replacements and swaps of neighbours (optimal string alignment distance, see
 * L. Boytsov, "Indexing methods for approximate dictionary searching", 2011). Bounded, since a peer
 * may have sent the wrong name: at most 1,000 names are compared, fewer when they are long, and none over
 * {@link NAME_BYTES_MAX} characters; that is a few milliseconds at worst, well under one for a usual contract.
 */
export function nearestName(wrong: string, names: Iterable<string>): string | undefined {
  if (wrong.length === 0 || wrong.length > NAME_BYTES_MAX) return undefined;
  const target = wrong.toLowerCase();
  let nearest: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  let compared = 0;
  let cells = 0;
  for (const name of names) {
    if (++compared > COMPARED_MAX || cells > CELLS_MAX) break;
    if (name.length > NAME_BYTES_MAX) continue;
    cells += wrong.length * name.length;
    const edits = editsBetween(target, name.toLowerCase(), fewest - 1);
    if (edits < fewest) {
      fewest = edits;
      nearest = name;
    }
  }
  return nearest;
}

const NAME_PATTERN = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const RESERVED_NAMES: ReadonlySet<string> = new Set(RESERVED_METHOD_NAMES);
const COMPARED_MAX = 1_000;
/** The most cells of all distance tables together, about 10 ns each. */
const CELLS_MAX = 250_000;
const SAME_LENGTH_MIN = 3;

/** The edits between two names; Infinity when they differ by more than a typing mistake, or by more than `bound`. */
function editsBetween(wrong: string, name: string, bound: number): number {
  const longer = Math.max(wrong.length, name.length);
  const most = Math.min(Math.floor(longer * 0.4), bound);
  const edits = Math.abs(wrong.length - name.length) > most ? longer : alignmentDistance(wrong, name, most);
  if (edits <= most) return edits;
  return longer <= bound && beginAlike(wrong, name, longer) ? longer : Number.POSITIVE_INFINITY;
}

function beginAlike(wrong: string, name: string, longer: number): boolean {
  let same = 0;
  while (same < wrong.length && wrong[same] === name[same]) same++;
  return same >= SAME_LENGTH_MIN && (same === wrong.length || same * 2 >= longer);
}

/** The distance; Infinity when it is more than `most`. */
function alignmentDistance(a: string, b: string, most: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  let leastOfLast = 0;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let edits = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) edits = Math.min(edits, beforeLast[column - 2]! + 1);
      current[column] = edits;
      least = Math.min(least, edits);
    }
    // Later rows are computed from these two and cannot fall below their minimum.
    if (least > most && leastOfLast > most) return Number.POSITIVE_INFINITY;
    beforeLast = last;
    last = current;
    leastOfLast = least;
  }
  return last[b.length]! <= most ? last[b.length]! : Number.POSITIVE_INFINITY;
}
