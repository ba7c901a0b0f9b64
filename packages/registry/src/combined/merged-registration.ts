import { rpcError } from '@org/rpc-core/internal';
import type { Registration, RegistrationState } from '../registry.js';

/**
 * The registrations of one instance in several registries as one: it is found as soon as one of them is written, and counts as
 * registered when all are.
 *
 * @param registrations - at least one; they are closed by closing this
 */
export function mergeRegistrations(registrations: readonly Registration[]): Registration {
  const registered = Promise.any(registrations.map((registration) => registration.registered)).then(
    () => undefined,
    () => {
      throw rpcError('CANCELLED', 'the registration was closed before the instance was in any of the registries');
    },
  );
  // Whoever does not listen must not be ended by an unhandled rejection.
  registered.catch(() => {});
  return {
    registered,
    state: () => mergeStates(registrations.map((registration) => registration.state())),
    update: async (instance) =>
      void (await Promise.all(registrations.map((registration) => registration.update(instance)))),
    close: async () => void (await Promise.all(registrations.map((registration) => registration.close()))),
  };
}

/** The worst of them: whoever waits for "registered" means everywhere. */
function mergeStates(states: readonly RegistrationState[]): RegistrationState {
  const failing = states.find((state) => state.status === 'pending' && state.error !== undefined);
  const pending = failing ?? states.find((state) => state.status === 'pending');
  return pending ?? states.find((state) => state.status === 'closed') ?? { status: 'registered' };
}
