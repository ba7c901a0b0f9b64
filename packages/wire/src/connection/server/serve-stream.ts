import { runInContext } from '@org/rpc-core/internal';
import { iteratorOf, pump } from '../streams/pump.js';
import type { ServedStream } from '../streams/served-stream.js';
import type { IncomingCall } from './incoming-call.js';

/**
 * Runs a streaming handler: its iterator is pulled while there is credit, each time inside the call's context. When the
 * caller has had enough, the deadline passes or the connection is lost, the iterator is returned.
 *
 * @param start - runs the handler and gives what it gives
 * @returns when the handler has let go
 * @throws what the handler throws, or why it was stopped
 */
export async function serveStream(
  call: IncomingCall,
  { received, sender }: ServedStream,
  start: () => unknown,
): Promise<void> {
  const { signal } = call;
  if (signal.aborted) throw signal.reason;
  const name = `${call.service}.${call.method}: what the handler gives`;
  const iterator = runInContext(call, () => iteratorOf(start(), name));
  const pumping = pump(iterator, sender, { run: (step) => runInContext(call, step) });
  const onAbort = (): void => {
    received.fail(signal.reason);
    pumping.stop();
    sender.close();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const end = await pumping.done;
    if (signal.aborted) throw signal.reason;
    if (end === 'stopped') throw new Error('the stream was closed');
  } finally {
    signal.removeEventListener('abort', onAbort);
    received.return();
  }
}
