import { type RpcError, rpcError } from '../error.js';
import type { Limits } from '../limits.js';
import { GoAwayCode } from '../protocol/frame.js';
import type { FrameChannel } from './frame-channel.js';

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

/** What is answered to a request whose body was skipped. */
export function requestTooLarge(bodyBytes: number, { messageBytes }: Limits): RpcError {
  const reason = `the request has ${bodyBytes} bytes, the limit is ${messageBytes} (limits.messageBytes)`;
  return rpcError('RESOURCE_EXHAUSTED', reason, { progress: 'refused' });
}
