import { fileURLToPath } from 'node:url';

/** The vectors of the native protocol, which the tests of rpc-core run. */
export const DATA_FILE: string = fileURLToPath(
  new URL('../../packages/wire/test/vectors/protocol.json', import.meta.url),
);

/** The page that shows them. */
export const PAGE: string = fileURLToPath(new URL('../../docs/protocol.md', import.meta.url));
