/** Tests that only compute, on virtual time or none: what else runs on the machine does not matter to them. */
const VIRTUAL = [
  'packages/client/test/governance/',
  'packages/testkit/',
  'packages/rpc-core/',
  'packages/wire/src/codec/',
  'packages/wire/test/msgpack-properties',
  'packages/wire/test/wire-properties',
  'packages/wire/src/connection/channel/garbage',
  'tools/',
];
/** Tests that load the machine themselves, and look at what it then does: they are alone. */
const LOADED = [
  'test/faults/faults',
  'test/fuzz/costs/',
  'test/overload/',
  'test/rolling-restart/',
  'test/deploy/',
  'packages/rpc/test/floods/',
];

/**
 * Which tests may run side by side: those of `virtual` with those of `real`, and then those of `loaded`.
 *
 * @param {readonly string[]} files paths of tests from the top of the repository
 * @returns {{ virtual: string[], real: string[], loaded: string[] }} each file in one of them
 */
export function lanes(files) {
  const found = { virtual: [], real: [], loaded: [] };
  for (const file of files) {
    const path = file.replaceAll('\\', '/');
    const begins = (start) => path.startsWith(start);
    found[VIRTUAL.some(begins) ? 'virtual' : LOADED.some(begins) ? 'loaded' : 'real'].push(file);
  }
  return found;
}
