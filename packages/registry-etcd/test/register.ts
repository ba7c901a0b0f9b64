import assert from 'node:assert/strict';
import { parseInstanceValue } from '../src/instances/instance-value.js';
import { EtcdRegistration } from '../src/registration/registration.js';
import { createWorld, greeterKey, instance, type World } from './world.js';

const key = greeterKey('one');

/** A registration of the instance `one` of `greeter`. */
export interface Registered extends World {
  readonly registration: EtcdRegistration;
  weight(): number | undefined;
}

/** Starts one; `prepare` sees the world before that. */
export async function register(prepare?: (world: World) => void, changes = {}): Promise<Registered> {
  const world = createWorld();
  prepare?.(world);
  const registration = new EtcdRegistration(instance('one', changes), world.environment);
  await world.clock.advance(0);
  const weight = (): number | undefined => {
    const entry = world.etcd.get(key);
    return entry && parseInstanceValue(entry.value, 'one').endpoint?.weight;
  };
  return { ...world, registration, weight };
}

/** Closes it, and checks that nothing is left. */
export async function end({ registration, environment, clock, etcd }: Registered): Promise<void> {
  const closing = registration.close();
  await clock.advance(1_000);
  await closing;
  environment.holder.close();
  assert.equal(clock.pending, 0);
  assert.equal(etcd.watches.size, 0);
}
