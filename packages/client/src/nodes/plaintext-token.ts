import { networkInterfaces } from 'node:os';
import { endpointAddress } from '@org/rpc-registry';
import type { Dial } from '@org/rpc-wire/internal';

/**
 * Dials in plaintext, for a client that has a token, and says before the first connection that leaves the machine who can read it there.
 * Once: one place in the options mends it for all of them.
 * @param tell - given a line for people, without the token
 * @param isHere - whether a host is this machine
 */
export function tellOfPlaintext(
  dial: Dial,
  tell: (message: string) => void,
  isHere: (host: string) => boolean = isThisMachine,
): Dial {
  let hasTold = false;
  return (target) => {
    if (!hasTold && target.path === undefined && !isHere(target.host)) {
      hasTold = true;
      tell(
        `the token of this client goes to ${endpointAddress(target)} without TLS: whoever is on the path can read it and call in its name; give createClient tls`,
      );
    }
    return dial(target);
  };
}

/** Loopback, any address, or one of an interface of this machine: what goes there leaves it on no wire. */
function isThisMachine(host: string): boolean {
  if (/^(localhost|127\.\d+\.\d+\.\d+|::ffff:127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|::)$/i.test(host)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host));
}
