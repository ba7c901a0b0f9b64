import type { Clock } from '../clock.js';
import type { Peer } from '../context.js';
import type { IncomingPort } from './incoming-call.js';

/** What the calls need of a connection whose peer is that of `channel`. */
export function createIncomingPort(channel: { readonly peer: Peer }, clock: Clock): IncomingPort {
  return {
    get peer() {
      return channel.peer;
    },
    now: () => clock.now(),
    atDeadline: (deadline, run) => clock.schedule(deadline - clock.now(), run, true),
  };
}
