import type { Limits, Metadata } from '@org/rpc-core';
import { decodeMetadata, encodeMetadata } from '../../frames/metadata.js';

/** Longer sections are not remembered, so a peer's metadata costs no more memory than a few sections of this size. */
const SECTION_BYTES_MAX = 1_024;

/** How many sections are remembered, since calls of several kinds may take turns on a connection; a power of two. */
const SLOTS = 4;

/** After this many new sections in a row, only one in this many is remembered: if each call has its own section, none comes again. */
const NEW_IN_ROW = 16;

/**
 * The metadata that a connection has sent or read last. Most calls of a client carry the same tenant and credentials: metadata that comes
 * again is only compared, not checked, written or read again. New metadata is always checked, so nothing passes that would be refused
 * without this.
 */
export class KnownMetadata {
  readonly #limits: Pick<Limits, 'metadataBytes' | 'metadataKeys'>;
  #keys: readonly string[] = [];
  #values: readonly (string | undefined)[] = [];
  #encoded: Buffer | undefined;
  readonly #sections: (Section | undefined)[] = new Array<Section | undefined>(SLOTS).fill(undefined);
  #newInRow = 0;

  constructor(limits: Pick<Limits, 'metadataBytes' | 'metadataKeys'>) {
    this.#limits = limits;
  }

  /**
   * The bytes of metadata to send; valid until the next call of `encode`.
   * @returns `undefined` when the metadata is empty
   * @throws TypeError naming the key and the bound
   */
  encode(metadata: Metadata): Buffer | undefined {
    const keys = Object.keys(metadata);
    if (this.#isSame(keys, metadata)) return this.#encoded;
    const values = keys.map((key) => metadata[key]);
    this.#keys = [];
    this.#encoded = encodeMetadata(metadata, this.#limits);
    if (this.#encoded !== undefined && this.#encoded.length > SECTION_BYTES_MAX) return this.#encoded;
    this.#keys = keys;
    this.#values = values;
    return this.#encoded;
  }

  #isSame(keys: readonly string[], metadata: Metadata): boolean {
    const known = this.#keys;
    if (keys.length !== known.length || keys.length === 0) return false;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (key !== known[i] || metadata[key] !== this.#values[i]) return false;
    }
    return true;
  }

  /**
   * Reads the section `bytes[start, end)`; the bytes are not needed afterwards.
   * @throws ProtocolError when it is malformed
   * @throws RpcError `RESOURCE_EXHAUSTED` when it is beyond the limits
   */
  decode(bytes: Buffer, start: number, end: number): Metadata | Section {
    const length = end - start;
    if (length > SECTION_BYTES_MAX) return decodeMetadata(bytes, start, end, this.#limits);
    const slot = (length + bytes[end - 1]!) & (SLOTS - 1);
    const known = this.#sections[slot];
    if (known?.isSame(bytes, start, end)) {
      this.#newInRow = 0;
      return known;
    }
    const metadata = decodeMetadata(bytes, start, end, this.#limits);
    if (++this.#newInRow > NEW_IN_ROW && this.#newInRow % NEW_IN_ROW !== 0) return metadata;
    // Its own memory: a slice of the pool would keep the whole pool from being collected.
    const copy = Buffer.allocUnsafeSlow(length);
    bytes.copy(copy, 0, start, end);
    const section = new Section(copy, metadata);
    this.#sections[slot] = section;
    return section;
  }
}

/** A section that was read, shared by every call that carries it. Each call has its own metadata object, made on first access. */
export class Section {
  readonly #bytes: Buffer;
  readonly #keys: readonly string[];
  readonly #values: readonly string[];

  constructor(bytes: Buffer, metadata: Metadata) {
    this.#bytes = bytes;
    this.#keys = Object.keys(metadata);
    this.#values = Object.values(metadata);
  }

  isSame(bytes: Buffer, start: number, end: number): boolean {
    const own = this.#bytes;
    if (own.length !== end - start) return false;
    // For short sections a loop is faster than native code.
    if (own.length > 128) return own.compare(bytes, start, end) === 0;
    for (let i = 0; i < own.length; i++) if (own[i] !== bytes[start + i]) return false;
    return true;
  }

  copy(): Metadata {
    const copy = Object.create(null) as Record<string, string>;
    for (let i = 0; i < this.#keys.length; i++) copy[this.#keys[i]!] = this.#values[i]!;
    return copy;
  }
}
