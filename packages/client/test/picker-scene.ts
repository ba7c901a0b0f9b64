import { Call, type Random } from '@org/rpc-core';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, seededRandom } from '@org/rpc-testkit';
import { completeRefusal } from '../src/attempts/complete-error.js';
import type { MeasuredNode } from '../src/nodes/node-health.js';
import { PeakEwmaLoad } from '../src/picker/load.js';
import {
  NodeStatus,
  type Picker,
  type PickerEnvironment,
  type PickerFactory,
  type PickerNode,
} from '../src/picker/picker.js';
import type { Refuse } from '../src/policy/admission.js';
import { showCaller } from '../src/policy/name-call.js';

/** Ends a call that is not started, as the stack does. */
export const refuse: Refuse = (call, error) => {
  const final = showCaller(completeRefusal(call, error));
  call.settleCall(final);
  return Promise.reject(final);
};

/** A node whose status is set by the test. */
export class SceneNode implements MeasuredNode {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly load = new PeakEwmaLoad(0);
  current: NodeStatus = NodeStatus.OPEN;
  probes = 0;

  constructor(name: string, weight = 100, address = name) {
    this.address = address;
    this.endpoint = { id: name, host: name, port: 1, weight, state: 'up' };
    this.load.reset(50, 0);
  }

  status(): NodeStatus {
    return this.current;
  }

  takeProbe(): boolean {
    return this.probes-- > 0;
  }
}

/** A picker over such nodes. */
export class PickerScene implements PickerEnvironment {
  readonly random: Random = seededRandom(1);
  readonly clock = new FakeClock();
  readonly probing = new Set<PickerNode>();
  readonly picker: Picker<SceneNode>;
  readonly #nodes: readonly SceneNode[];

  constructor(factory: PickerFactory, nodes: readonly SceneNode[]) {
    this.#nodes = nodes;
    this.picker = factory.create(nodes, this);
  }

  zone: string | undefined = undefined;

  readonly mayTry = true;

  get inFlight(): number {
    return this.#nodes.reduce((sum, { load }) => sum + load.inFlight, 0);
  }

  earnTrial(): void {}

  spendTrial(): void {}

  avoided(): number {
    return this.#nodes.filter(({ current }) => current === NodeStatus.AVOID || current === NodeStatus.PROBE).length;
  }

  /** How often each node is picked for so many new calls, by name. */
  shares(picks: number, now = 0): Record<string, number> {
    const shares: Record<string, number> = {};
    for (let i = 0; i < picks; i++) {
      const { address } = this.picker.pick(aCall(), now)!;
      shares[address] = (shares[address] ?? 0) + 1;
    }
    return shares;
  }
}

/** A call that has failed on the given nodes. */
export function aCall(...tried: readonly SceneNode[]): Call {
  const call = new Call({ service: 'shop', method: 'buy', wireName: new Uint8Array() }, [], false);
  call.idempotent = true;
  if (tried.length === 0) return call;
  const record = { durationMs: 1, code: 'UNAVAILABLE', progress: 'unsent' } as const;
  call.attempts = tried.map(({ address, endpoint }) => ({ endpoint: address, instance: endpoint.id, ...record }));
  return call.nextAttempt(tried.length);
}
