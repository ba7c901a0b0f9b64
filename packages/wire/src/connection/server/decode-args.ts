import type { Limits, RpcError } from '@org/rpc-core';
import { rpcError } from '@org/rpc-core/internal';
import { GoAwayCode } from '../../frames/frame.js';
import type { FrameChannel } from '../channel/frame-channel.js';
import { inflate } from '../compression/inflate.js';

/**
 * Reads the arguments of a call. Malformed ones close the connection.
 * @throws RpcError INVALID_ARGUMENT when they are malformed or no list
 */
export function decodeArgs(channel: FrameChannel, bytes: Buffer, start: number, end: number): readonly unknown[] {
  let args: unknown;
  try {
    args = channel.decode(bytes, start, end);
  } catch (error) {
    const reason = `the arguments are malformed: ${(error as Error).message}`;
    channel.closeFor(GoAwayCode.PROTOCOL_ERROR, reason);
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused' });
  }
  if (!Array.isArray(args))
    throw rpcError('INVALID_ARGUMENT', 'the arguments must be an array', { progress: 'refused' });
  return args;
}

/**
 * Inflates the arguments of a call that came compressed; a promise when they are large.
 * @throws RpcError INVALID_ARGUMENT when they are not what was announced, or the promise rejects with it; the connection goes on
 */
export function inflateArgs(bytes: Buffer, start: number, end: number): Buffer | Promise<Buffer> {
  const refused = (error: unknown): never => {
    const reason = `the compressed arguments cannot be read: ${(error as Error).message}`;
    throw rpcError('INVALID_ARGUMENT', reason, { progress: 'refused', cause: error });
  };
  try {
    const payload = inflate(bytes, start, end);
    return Buffer.isBuffer(payload) ? payload : payload.catch(refused);
  } catch (error) {
    return refused(error);
  }
}

/** What is answered to a call of which an item was skipped. */
export function itemTooLarge(bodyBytes: number, { messageBytes }: Limits): RpcError {
  const reason = `an item has ${bodyBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'processed' });
}

/** What is answered to a request whose body was skipped. */
export function requestTooLarge(bodyBytes: number, { messageBytes }: Limits): RpcError {
  const reason = `the request has ${bodyBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused' });
}
