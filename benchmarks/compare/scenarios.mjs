const KIB = 1024;
const BINARY_CALLERS = 16;
const LARGE_BESIDE = 4;
/** The largest message is 4 MiB with its head. */
const LARGEST_BYTES = 4 * KIB * KIB - 256;

/**
 * One row of the comparison.
 *
 * @typedef {object} Scenario
 * @property {string} name
 * @property {'object' | 'text' | 'sum' | 'binary' | 'items' | 'mixed' | 'errors'} workload
 * @property {number} callers that each wait for their answer before the next call; of `mixed`, those of large binaries
 * @property {number} [bytes] of a binary or an item
 * @property {number} [streams] read at the same time
 * @property {number} [nodes] servers, in one process; default 1
 * @property {boolean} [isQuick] whether it belongs to `--quick`
 */

/** @type {readonly Scenario[]} */
export const SCENARIOS = [
  ...[1, 64, 256].map((callers) => ({
    name: `small object, ${many(callers, 'caller')}`,
    workload: 'object',
    callers,
    isQuick: callers === 64,
  })),
  ...[64, 256].map((callers) => ({ name: `two integers, ${many(callers, 'caller')}`, workload: 'sum', callers })),
  // One in a hundred of the handlers fails; beside it in each round the same without errors.
  { name: 'two integers, 1 % errors, 64 callers', workload: 'errors', callers: 64, isQuick: true },
  { name: 'text of 1 KiB, 64 callers', workload: 'text', callers: 64 },
  ...[0, KIB, 8 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, KIB * KIB, LARGEST_BYTES].map((bytes) => ({
    name: `binary of ${size(bytes)}, ${BINARY_CALLERS} callers`,
    workload: 'binary',
    bytes,
    callers: BINARY_CALLERS,
    isQuick: bytes === 64 * KIB,
  })),
  ...[64, 192].map((callers) => ({
    name: `small object, three nodes, ${callers} callers`,
    workload: 'object',
    callers,
    nodes: 3,
  })),
  ...[KIB, 64 * KIB].flatMap((bytes) =>
    [1, 16].map((streams) => ({
      name: `items of ${size(bytes)}, ${many(streams, 'stream')}`,
      workload: 'items',
      bytes,
      streams,
      callers: streams,
    })),
  ),
  {
    name: 'one small call at a time beside four callers of 1 MiB',
    workload: 'mixed',
    bytes: KIB * KIB,
    callers: LARGE_BESIDE,
  },
];

function many(count, noun) {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/**
 * @param {number} bytes
 * @returns {string} such as `64 KiB`
 */
export function size(bytes) {
  if (bytes === LARGEST_BYTES) return '4 MiB';
  if (bytes >= KIB * KIB) return `${bytes / KIB / KIB} MiB`;
  return bytes >= KIB ? `${bytes / KIB} KiB` : `${bytes} B`;
}
