import { isRpcError, type Limits, type Metadata, type RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { COMPRESSED, readInflatedLength } from '../../frames/compressed.js';
import { CLIENT_ID_MAX, FrameType, ProtocolError, RequestFlag } from '../../frames/frame.js';
import type { KnownMetadata, Section } from '../channel/known-metadata.js';

/**
 * Looks at the id and flags with which a client opens a call.
 * @param isInFlight - whether a call with this id is running
 * @throws ProtocolError when it can't have them
 */
export function checkOpening(flags: number, id: number, isInFlight: boolean): void {
  const oneWay = (flags & RequestFlag.ONE_WAY) !== 0;
  if (oneWay !== (id === 0)) throw new ProtocolError('only a one-way REQUEST has the id 0');
  // Nothing would ever end it: neither a CANCEL nor the end of the connection reaches a one-way call.
  if (oneWay && (flags & RequestFlag.STREAM) !== 0) throw new ProtocolError('a one-way REQUEST opens no stream');
  if (id > CLIENT_ID_MAX) throw new ProtocolError(`call id ${id} is not one of a client`);
  if (isInFlight) throw new ProtocolError(`call id ${id} is in flight already`);
}

/**
 * Looks at a compressed frame of a client.
 * @param isOffered - whether the client can have read that this side inflates
 * @throws ProtocolError when it was compressed without asking
 */
export function checkCompressed(type: number, isOffered: boolean): void {
  if (isOffered || (type !== FrameType.REQUEST && type !== FrameType.ITEM)) return;
  throw new ProtocolError(`a compressed frame of type ${type}, before the HELLO that allows it`);
}

/**
 * What a request counts against the budget: its bytes, or those that its payload inflates to if these are more.
 * @throws ProtocolError when its payload is cut short
 */
export function requestCost(flags: number, bytes: Buffer, start: number, payloadStart: number, end: number): number {
  if ((flags & COMPRESSED) === 0) return end - start;
  return Math.max(end - start, readInflatedLength(bytes, payloadStart, end));
}

/**
 * The metadata of a request, or what to answer when it is beyond the limits.
 * @throws ProtocolError when it is malformed
 */
export function readMetadata(
  bytes: Buffer,
  start: number,
  end: number,
  known: KnownMetadata,
): Metadata | Section | RpcError {
  try {
    return known.decode(bytes, start, end);
  } catch (error) {
    if (isRpcError(error)) return error;
    throw error;
  }
}

/** The answer to a call when one of its items was skipped. */
export function itemTooLarge(bodyBytes: number, { messageBytes }: Limits): RpcError {
  const reason = `an item has ${bodyBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'processed', final: true });
}

/** The answer to a request whose body was skipped. */
export function requestTooLarge(bodyBytes: number, { messageBytes }: Limits): RpcError {
  const reason = `the request has ${bodyBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused', hasStack: false });
}
