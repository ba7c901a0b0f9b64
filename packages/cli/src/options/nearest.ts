/**
 * The candidate that a mistyped word most likely meant, `undefined` when none is close: at most a third of the longer word's
 * letters, and at least two, may differ.
 *
 * Source: the edit distance of V. Levenshtein (1966), by the dynamic programme of R. Wagner and M. Fischer (1974).
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const allowed = Math.max(2, Math.floor(Math.max(word.length, candidate.length) / 3));
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `, did you mean X?` or nothing: the tail of an error about an unknown name. */
export function didYouMean(word: string, candidates: Iterable<string>, prefix = ''): string {
  const found = nearest(word, candidates);
  return found === undefined ? '' : `, did you mean ${prefix}${found}?`;
}

/** Words beyond this are no names that somebody typed; it bounds the quadratic cost. */
const LETTERS_MAX = 100;

function editDistance(a: string, b: string): number {
  if (a.length > LETTERS_MAX || b.length > LETTERS_MAX) return Number.POSITIVE_INFINITY;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
