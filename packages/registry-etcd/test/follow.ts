import assert from 'node:assert/strict';
import { type Reflection, Reflector } from '../src/reflector/reflector.js';
import { createWorld, type World } from './world.js';

/** A reflector of the keys `k/...`, and all that it has reflected. */
export interface Followed extends World {
  readonly reflector: Reflector;
  /** `a=1 b=2`, with `~` before it when not fresh and `-c` for what was removed. */
  readonly seen: string[];
  /** What the watch was found to have lost, each time. */
  readonly lost: (readonly string[])[];
  last(): string | undefined;
}

/** Starts one; `prepare` sees the world before that. */
export async function follow(prepare?: (world: World) => void): Promise<Followed> {
  const world = createWorld();
  prepare?.(world);
  const seen: string[] = [];
  const lost: (readonly string[])[] = [];
  const reflect = ({ entries, removed, fresh }: Reflection): void => {
    const parts = [...entries.values()].map(({ key, value }) => `${key.slice(2)}=${Buffer.from(value)}`);
    for (const key of removed.keys()) parts.push(`-${key.slice(2)}`);
    seen.push(`${fresh ? '' : '~'}${parts.join(' ')}`);
  };
  const reflector = new Reflector(
    { key: 'k/', rangeEnd: 'k0' },
    { reflect, lost: (keys) => void lost.push(keys) },
    world.environment,
  );
  reflector.start();
  await world.clock.advance(0);
  return { ...world, reflector, seen, lost, last: () => seen.at(-1) };
}

/** The world ends with nothing left of it. */
export function end({ reflector, environment, clock, etcd }: Followed): void {
  reflector.close();
  assert.equal(etcd.watches.size, 0);
  environment.holder.close();
  assert.equal(clock.pending, 0);
}
