import type { Socket } from 'node:net';
import type { Cancel, Clock } from '@org/rpc-core';
import { addresseeOf } from './addressee.js';

/** Who has sent less by then is given to any instance, whose own time limits hold from there on. */
const PATIENCE_MS = 5_000;

/** A greeting is shorter. */
const BYTES_MAX = 20 * 1024;

/**
 * Reads as much of a connection as it takes to know which instance it means, and leaves it unread from there on.
 * @param known - given the instance, `''` for any, and the bytes that have been read
 */
export function readAddressee(socket: Socket, clock: Clock, known: (instance: string, bytes: Buffer) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  let cancel: Cancel = () => {};
  const decide = (instance: string): void => {
    cancel();
    socket.off('data', onData).off('end', onEnd);
    stopReading(socket);
    known(instance, bytes);
  };
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const instance = bytes.length > BYTES_MAX ? '' : addresseeOf(bytes);
    if (instance !== undefined) decide(instance);
  };
  const onEnd = (): void => {
    cancel();
    socket.destroy();
  };
  cancel = clock.schedule(PATIENCE_MS, () => decide(''), true);
  socket.once('close', cancel);
  socket.on('end', onEnd).on('data', onData).resume();
}

/**
 * Nothing more is read of it here, at once: what this process would read now, the one that gets the connection would miss. Pausing alone lets
 * a stream read on until its buffer is full.
 */
function stopReading(socket: Socket): void {
  socket.pause();
  (socket as unknown as { _handle?: { readStop?(): void } | null })._handle?.readStop?.();
}
