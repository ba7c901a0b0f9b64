import { CancelReason } from '../protocol/frame.js';
import { writeCancel } from '../protocol/frame-writer.js';
import type { Call } from '../service.js';
import type { Output } from './output.js';

/** More than that might be one CANCEL too many for the server, which would take it for an attack. */
const CANCELS_MAX = 500;

/** Cancels the calls of a client that is closed, so that whoever serves them learns why, as far as it can be told at once. */
export function sayShutdown(output: Output, calls: readonly Call[]): void {
  if (calls.length === 0) return;
  for (const { id } of calls.slice(0, CANCELS_MAX)) writeCancel(output, id, CancelReason.SHUTDOWN);
  output.flush();
}
