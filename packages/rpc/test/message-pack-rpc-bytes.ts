import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeMulti, encode } from '@msgpack/msgpack';

/** One message of MessagePack-RPC, made by a codec that is not the one under test. */
export function rpcMessage(...items: readonly unknown[]): Uint8Array {
  return encode(items);
}

/** Sends these bytes and reads until so many answers have come, in whatever pieces. Closes the socket. */
export async function answersOver(socket: Socket, sent: readonly Uint8Array[], count: number): Promise<unknown[]> {
  for (const bytes of sent) socket.write(bytes);
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    const answers = wholeMessages(received);
    if (answers.length < count) continue;
    socket.destroy();
    return answers;
  }
  throw new Error(`the connection ended after ${wholeMessages(received).length} of ${count} answers`);
}

/** {@link answersOver} a new plaintext connection to this port. */
export async function answersOf(port: number, sent: readonly Uint8Array[], count: number): Promise<unknown[]> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return answersOver(socket, sent, count);
}

function wholeMessages(bytes: Uint8Array): unknown[] {
  const messages: unknown[] = [];
  try {
    for (const message of decodeMulti(bytes)) messages.push(message);
  } catch (error) {
    // The last one has not come whole.
    if (!(error instanceof RangeError)) throw error;
  }
  return messages;
}
