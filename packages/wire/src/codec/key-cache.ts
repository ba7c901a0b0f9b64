/** Longest key that is kept, in bytes; longer ones are rarely field names. */
const KEY_BYTES = 32;
/** A power of two. From its first key on a cache takes 2 KiB; with every slot full of the longest keys about 14 KiB. */
const SLOTS = 256;
const emptySlots = (): (string | undefined)[] => new Array<string | undefined>(SLOTS).fill(undefined);

/** Those of all caches that have no key yet, as of connections that never carry a map. */
const NO_KEYS: readonly (string | undefined)[] = emptySlots();

/**
 * Remembers the short ASCII keys of maps, so that the field names of similar records are made into strings only once.
 * Direct-mapped: a key that hashes to a taken slot replaces the one there, so a peer that always sends new keys costs time but no
 * memory. One for each decoder: no peer evicts the keys of another.
 */
export class KeyCache {
  #slots: readonly (string | undefined)[] = NO_KEYS;

  /**
   * The string in `bytes[start, end)`.
   * @returns undefined when it is not a cacheable one: empty, longer than 32 bytes or not ASCII
   */
  get(bytes: Buffer, start: number, end: number): string | undefined {
    const length = end - start;
    if (length > KEY_BYTES || length === 0) return undefined;
    let hash = length;
    let seen = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      seen |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (seen > 0x7f) return undefined;
    const slot = (hash ^ (hash >>> 8)) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && known.length === length && same(known, bytes, start)) return known;
    const key = bytes.latin1Slice(start, end);
    this.#keep(slot, key);
    return key;
  }

  #keep(slot: number, key: string): void {
    if (this.#slots === NO_KEYS) this.#slots = emptySlots();
    (this.#slots as (string | undefined)[])[slot] = key;
  }
}

function same(key: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) !== bytes[start + i]) return false;
  }
  return true;
}
