import { isUtf8 } from 'node:buffer';

/** From this length on native code is faster than a loop, although it needs a view. */
const LOOP_BYTES = 64;

/**
 * Whether `bytes[start, end)` is UTF-8 as RFC 3629 defines it: shortest forms only, no surrogates, nothing above U+10FFFF. Short text is
 * looked at in place, since making a view of two bytes costs ten times as much.
 */
export function isUtf8Text(bytes: Buffer, start: number, end: number): boolean {
  if (end - start >= LOOP_BYTES) return isUtf8(bytes.subarray(start, end));
  for (let i = start; i < end; ) {
    const byte = bytes[i++]!;
    if (byte < 0x80) continue;
    if (byte < 0xc2 || byte > 0xf4) return false;
    const last = i + (byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3);
    if (last > end) return false;
    const least = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    const most = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    if (bytes[i]! < least || bytes[i]! > most) return false;
    for (i++; i < last; i++) if ((bytes[i]! & 0xc0) !== 0x80) return false;
  }
  return true;
}
