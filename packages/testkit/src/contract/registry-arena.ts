import { systemClock } from '@org/rpc-core';
import type { Endpoint, Instance, Registration, RegistryEvent, RegistryHandle, Snapshot } from '@org/rpc-registry';
import { eventually, recordSnapshots, type SnapshotRecorder } from '../registry/snapshot-recorder.js';
import { seededRandom } from '../seeded-random.js';
import type { RegistryContractSetup } from './registry-contract-setup.js';
import type { TestRunner } from './test-runner.js';

/** The namespace of a contract test unless it says otherwise. */
export const CONTRACT_NAMESPACE = 'contract';

/** One test of the contract: what it opens here is closed after it, also when it fails. */
export interface RegistryArena {
  readonly setup: RegistryContractSetup;
  /** What the handles of this test reported, in order. */
  readonly events: readonly RegistryEvent[];
  open(namespace?: string): RegistryHandle;
  /** Watches, on a handle of its own when none is given. */
  record(service: string, handle?: RegistryHandle): SnapshotRecorder;
  /** Registers, on a handle of its own when none is given, and waits until it is written. */
  register(instance: Instance, handle?: RegistryHandle): Promise<Registration>;
  /** Waits for a promise while a fake clock moves on. */
  eventually<T>(promise: Promise<T>, what: string): Promise<T>;
  /** Waits for an event of this kind that comes from now on. */
  event(kind: RegistryEvent['kind']): Promise<RegistryEvent>;
}

/** One test in an arena of its own. */
export type ArenaTest = (name: string, body: (arena: RegistryArena) => Promise<void>) => void;

/** Makes the `it` of a suite: each test gets a new setup, and everything it opened is closed before the setup is. */
export function arenaTests(runner: TestRunner, start: () => Promise<RegistryContractSetup>): ArenaTest {
  return (name, body) =>
    runner.it(name, async () => {
      const setup = await start();
      const handles: RegistryHandle[] = [];
      const arena = createArena(setup, handles);
      const closeAll = (): Promise<unknown> => Promise.all(handles.map((handle) => handle.close()));
      // The first failure is the one that explains the others.
      const failures: unknown[] = [];
      for (const step of [
        () => body(arena),
        () => arena.eventually(closeAll(), 'all handles to be closed'),
        () => setup.close(),
      ]) {
        await step().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    });
}

/** An endpoint with every field set, so that a registry that loses one is noticed. */
export function contractEndpoint(id: string, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    id,
    host: '10.0.0.7',
    port: 4399,
    weight: 100,
    zone: 'zone-a',
    tags: { version: 'canary', team: 'payments & billing' },
    version: '1.2.3',
    state: 'up',
    startedAtMs: 1_767_225_600_000,
    protocol: 'rpc/1',
    features: ['streams', 'tls'],
    ...changes,
  };
}

/** An instance of one service at {@link contractEndpoint}. */
export function contractInstance(service: string, id: string, changes: Partial<Endpoint> = {}): Instance {
  return { services: [service], endpoint: contractEndpoint(id, changes) };
}

/** The ids that a snapshot lists. */
export function idsOf(snapshot: Snapshot): readonly string[] {
  return snapshot.endpoints.map(({ id }) => id);
}

/** Whether a snapshot of a reachable source lists these ids and no others. */
export function lists(...ids: readonly string[]): (snapshot: Snapshot) => boolean {
  return (snapshot) => snapshot.fresh && idsOf(snapshot).join(' ') === [...ids].sort().join(' ');
}

function createArena(setup: RegistryContractSetup, handles: RegistryHandle[]): RegistryArena {
  const events: RegistryEvent[] = [];
  const listeners = new Set<(event: RegistryEvent) => void>();
  const settle = setup.settle?.bind(setup);
  const random = setup.random ?? seededRandom(1);
  const open = (namespace = CONTRACT_NAMESPACE): RegistryHandle => {
    const onEvent = (event: RegistryEvent): void => {
      events.push(event);
      for (const listener of listeners) listener(event);
    };
    const handle = setup.create().open({ namespace, clock: setup.clock ?? systemClock, random, onEvent });
    handles.push(handle);
    return handle;
  };
  const wait = <T>(promise: Promise<T>, what: string): Promise<T> =>
    eventually(promise, () => `still waiting for ${what}; events: ${describeEvents(events)}`, settle);
  return {
    setup,
    events,
    open,
    record: (service, handle = open()) => recordSnapshots(handle, service, settle),
    async register(instance, handle = open()) {
      const registration = handle.register(instance);
      await wait(registration.registered, `the registration of ${instance.endpoint.id}`);
      return registration;
    },
    eventually: wait,
    event(kind) {
      const came = new Promise<RegistryEvent>((resolve) => {
        listeners.add((event) => event.kind === kind && resolve(event));
      });
      return wait(came, `the event "${kind}"`);
    },
  };
}

function describeEvents(events: readonly RegistryEvent[]): string {
  return events.map(({ kind, message }) => `${kind} (${message})`).join(', ') || 'none';
}
