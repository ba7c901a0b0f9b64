import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEFAULT_LIMITS } from '@org/rpc-core';
import type { Measured } from '../../test/decoded-memory-child.js';

/** What docs/codecs.md and SECURITY.md say that a byte of a message takes at most, in bytes. */
const BYTES_PER_BYTE = 128;
/** How far what V8 takes may be above what is counted against `inFlightRequestBytes`. */
const ABOVE_ESTIMATE = 1.5;
/** A text with one character beyond U+00FF takes two bytes for each of its characters. */
const TEXT_BYTES = 2;
const ELEMENT_BYTES = 64;
/** Of the decoder itself and of the heap's own housekeeping. */
const NOISE_BYTES = 200_000;
/** What docs/codecs.md says of time, in milliseconds of a usual machine: 20 for 64 KiB, a second for 4 MiB. */
const CPU_MS_PER_64_KIB = 20;
const CPU_MS_PER_MIB = 250;

const CHILD = fileURLToPath(new URL('../../test/decoded-memory-child.ts', import.meta.url));

async function measure(decoder: string, bytes: number, cpuMsMax: number): Promise<readonly Measured[]> {
  const node = ['--expose-gc', '--import=tsx', '--conditions=@org/source', CHILD, decoder, String(bytes)];
  const { stdout } = await promisify(execFile)(process.execPath, [...node, String(cpuMsMax)]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Measured);
}

describe('what decoded values take of memory and time, measured', () => {
  for (const [decoder, bytes, cpuMsMax] of [
    ['msgpack', 65_536, CPU_MS_PER_64_KIB],
    ['foreign', 65_536, CPU_MS_PER_64_KIB],
    ['msgpackr', 65_536, CPU_MS_PER_64_KIB],
    ['foreign', 1_048_576, CPU_MS_PER_MIB],
  ] as const) {
    it(`is within the bounds for every shape of value in ${bytes / 1024} KiB, by the decoder ${decoder}`, async function () {
      this.timeout(600_000);
      const all = await measure(decoder, bytes, cpuMsMax);
      assert.ok(all.length > 50);
      for (const measured of all) {
        const words = JSON.stringify(measured);
        const { retained, extraBytes, cpu, refusal } = measured;
        assert.ok(retained <= BYTES_PER_BYTE * measured.bytes + NOISE_BYTES, `too much for its bytes: ${words}`);
        assert.ok(
          retained <= TEXT_BYTES * measured.bytes + ABOVE_ESTIMATE * extraBytes + NOISE_BYTES,
          `more than is counted: ${words}`,
        );
        assert.ok(
          retained <= ABOVE_ESTIMATE * (ELEMENT_BYTES * DEFAULT_LIMITS.messageElements + 2 * bytes),
          `more than a message may: ${words}`,
        );
        assert.ok(Math.max(cpu, refusal) <= cpuMsMax, `too slow: ${words}`);
      }
    });
  }
});
