import type { Clock, Peer } from '@org/rpc-core';
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
