/** Puts a value under a key of an object. */
export type PutField = (map: Record<string, unknown>, key: string, value: unknown) => void;

/**
 * The function that puts the field with this hash. All of them do the same. They are many because the engine remembers at each place of
 * the code which key and which shape of object came there: one that always sees the same two puts a field several times as fast as one
 * that sees them all. Fields that meet in one function are put as slowly as without this table.
 */
export function putFieldOf(hash: number): PutField {
  return PUTS[(hash ^ (hash >>> 7) ^ (hash >>> 14)) & (PUTS.length - 1)]!;
}

// biome-ignore format: a table of many that are alike.
const PUTS: readonly PutField[] = [
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
  (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; }, (o, k, v) => { o[k] = v; },
];
