/** A small object of about 100 bytes, such as most calls carry. */
export const OBJECT = {
  id: 123456,
  name: 'alice-wonderland',
  tags: ['red', 'green', 'blue'],
  nested: { ok: true, score: 0.75, city: 'hangzhou' },
};

/** 1 KiB of plain text. */
export const TEXT = 'x'.repeat(1024);

/** Two integers to add. */
export const SUM = [17, 25000];

/** What a handler says that is asked to add to nothing; each peer tells it in its own way. */
export const NO_SUCH = 'there is no such number';

/**
 * @param {number} bytes
 * @returns {Buffer} of the same bytes throughout
 */
export function binary(bytes) {
  return Buffer.alloc(bytes, 7);
}
