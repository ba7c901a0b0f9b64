import { rpcError } from '@org/rpc-core/internal';
import type { Registration } from './registry.js';

/** A registration where there is nothing to write: registered at once, until it is closed. */
export function writtenRegistration(): Registration {
  let closed = false;
  return {
    state: () => ({ status: closed ? 'closed' : 'registered' }),
    registered: Promise.resolve(),
    update: async () => {},
    close: async () => {
      closed = true;
    },
  };
}

/** What `register` gives on a handle that was closed before: a registration that was never written. */
export function refusedRegistration(): Registration {
  const registered = Promise.reject<void>(
    rpcError('CANCELLED', 'the registry was closed before the instance was registered'),
  );
  // Whoever does not listen must not be ended by an unhandled rejection.
  registered.catch(() => {});
  return { state: () => ({ status: 'closed' }), registered, update: async () => {}, close: async () => {} };
}
