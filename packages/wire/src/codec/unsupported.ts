import { CodecError } from './codec.js';

/** How deep the encoder goes into containers that hold something; the default of every decoder. */
export const ENCODED_DEPTH = 64;

/** Thrown inside the codec when a value cannot be said; it never leaves, since a second walk finds its path and words. */
export const UNSUPPORTED = new CodecError('a value that MessagePack cannot carry');
