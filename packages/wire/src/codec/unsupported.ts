import { CodecError } from './codec.js';

/** How deep the encoder goes into containers that hold something; the default of every decoder. */
export const ENCODED_DEPTH = 64;

/**
 * What an encoder writes for what MessagePack has no word for: `ours` are our extensions, `common` what programs of other languages read,
 * `raw` the same in the format before 2013, without str 8, bin, timestamps and extensions.
 */
export type Dialect = 'ours' | 'common' | 'raw';

/** Thrown inside the codec when a value cannot be said; it never leaves, since a second walk finds its path and words. */
export const UNSUPPORTED = new CodecError('a value that MessagePack cannot carry');
