import type { RpcError } from '@org/rpc-core';
import type { MethodEntry } from './incoming-call.js';
import type { ServerHost } from './server-host.js';

/** A power of two: usually more than the methods that one connection calls at a time. */
const SLOTS = 16;

/**
 * Finds methods by the bytes of their names: for a method that was called before on this connection it makes no string and asks
 * no table. Direct-mapped, so a peer that always calls other names costs time but no memory; names that do not exist are not
 * kept.
 */
export class KnownMethods<Entry extends MethodEntry> {
  readonly #host: Pick<ServerHost<Entry>, 'find'>;
  readonly #slots: (Entry | undefined)[] = new Array<Entry | undefined>(SLOTS).fill(undefined);

  constructor(host: Pick<ServerHost<Entry>, 'find'>) {
    this.#host = host;
  }

  /** The method whose service and name are `bytes[start, end)`, split after `serviceLength`; or what to answer. */
  find(bytes: Buffer, start: number, end: number, serviceLength: number): Entry | RpcError {
    // Methods of one service differ in how they end, or in their length; services in how they begin.
    const last = end > start ? bytes[start]! + bytes[end - 1]! * 5 : 0;
    const slot = (last + (end - start) * 3) & (SLOTS - 1);
    const known = this.#slots[slot];
    if (known !== undefined && isNamed(known, bytes, start, end, serviceLength)) return known;
    // Names are ASCII; other bytes name no method that exists.
    const found = this.#host.find(bytes.latin1Slice(start, end), serviceLength);
    if (!('code' in found)) this.#slots[slot] = found;
    return found;
  }
}

function isNamed(entry: MethodEntry, bytes: Buffer, start: number, end: number, serviceLength: number): boolean {
  const { service, method } = entry;
  const methodStart = start + serviceLength;
  if (service.length !== serviceLength || method.length !== end - methodStart) return false;
  return isText(method, bytes, methodStart) && isText(service, bytes, start);
}

function isText(text: string, bytes: Buffer, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
