import type { Call } from '@org/rpc-core';
import { CancelReason } from '../../frames/frame.js';
import { writeCancel } from '../../frames/frame-writer.js';
import type { Output } from '../channel/output.js';

/** More than that might be one CANCEL too many for the server, which would take it for an attack. */
const CANCELS_MAX = 500;

/** Cancels the calls of a client that is closed, so that whoever serves them learns why, as far as it can be told at once. */
export function sayShutdown(output: Output, calls: readonly Call[]): void {
  if (calls.length === 0) return;
  for (const { id } of calls.slice(0, CANCELS_MAX)) writeCancel(output, id, CancelReason.SHUTDOWN);
  output.flush();
}
