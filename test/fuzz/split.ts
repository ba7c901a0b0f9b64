import type { Chance } from './chance.js';

/** Cuts bytes into chunks as a plan wants it: whole, in single bytes, in frames' headers, anywhere. Empty chunks occur too. */
export function chunks(bytes: Buffer, chance: Chance): Buffer[] {
  const style = chance.below(4);
  if (style === 0 || bytes.length === 0) return [Buffer.from(bytes)];
  const parts: Buffer[] = [];
  const sizeMax = style === 1 ? 1 : style === 2 ? 12 : bytes.length;
  let at = 0;
  // Beyond so many pieces the rest comes whole: single bytes are as hard on 1,000 bytes as on 60,000.
  while (at < bytes.length && parts.length < 400) {
    const end = Math.min(bytes.length, at + (style === 1 ? 1 : chance.size(sizeMax)));
    parts.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  if (at < bytes.length) parts.push(Buffer.from(bytes.subarray(at)));
  return parts;
}
