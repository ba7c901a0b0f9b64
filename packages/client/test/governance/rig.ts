import { Call, type Gate, type MethodRef, type Outcome, type Random, type Service } from '@org/rpc-core';
import { fuseGates, POLICIES, resolvePolicy, rpcError, stack } from '@org/rpc-core/internal';
import type { Endpoint } from '@org/rpc-registry';
import { FakeClock, type ServiceTime, seededRandom } from '@org/rpc-testkit';
import { retry } from '../../src/attempts/retry.js';
import type { MeasuredNode, NodeHealth } from '../../src/nodes/node-health.js';
import { ServiceHealth } from '../../src/nodes/service-health.js';
import { PeakEwmaLoad } from '../../src/picker/load.js';
import type { NodeStatus, Picker, PickerFactory } from '../../src/picker/picker.js';
import { BreakerGroup, type BreakerTransition } from '../../src/policy/breaker-group.js';
import type { MethodLatency } from '../../src/policy/method-latency.js';
import { classify } from '../../src/policy/outcome.js';
import { RetryBudget } from '../../src/policy/retry-budget.js';
import { attemptDeadline } from '../../src/policy/timeout.js';

/** How a scripted server answers a call. */
export interface Reply {
  readonly afterMs: number;
  /** Left out: it succeeds. */
  readonly error?: ReturnType<typeof rpcError> | undefined;
}

/** A scripted server: decides on the reply when the call arrives. */
export type Script = (now: number, random: Random, call: Call) => Reply;

export const METHOD: MethodRef = { service: 'shop', method: 'buy', wireName: new Uint8Array() };

/** Twenty runs, of which each must keep the bound. */
export const SEEDS: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1);

export interface RigOptions {
  readonly seed: number;
  readonly picker: PickerFactory;
  /** One script for each node. */
  readonly nodes: readonly Script[];
  /** Retries; left out: a failed attempt is the end of the call. */
  readonly retries?: number;
  readonly idempotent?: boolean;
  readonly timeoutMs?: number;
  readonly breakers?: boolean;
  readonly ejection?: false;
  readonly budget?: RetryBudget | undefined;
  /** What bounds attempts; left out: nothing is known of the method, and attempts share the time. */
  readonly latency?: Pick<MethodLatency, 'slowMs' | 'settle'> & Partial<Pick<MethodLatency, 'excuse'>>;
}

/** One endpoint with the shipped load and health, and a scripted server behind it. */
export class RigNode implements MeasuredNode {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly load: PeakEwmaLoad;
  readonly health: NodeHealth;
  /** When attempts arrived, in the clock's milliseconds. */
  readonly arrivals: number[] = [];
  statusCalls = 0;

  readonly script: Script;

  constructor(index: number, script: Script, service: ServiceHealth) {
    this.script = script;
    this.address = `10.0.0.${index}:4399`;
    const zone = `z${index % 3}`;
    this.endpoint = { id: `${index}`, host: `10.0.0.${index}`, port: 4399, weight: 100, state: 'up', zone };
    this.load = new PeakEwmaLoad(service.clock.now());
    this.health = service.join(this, service.clock.now());
  }

  status(call: Call, now: number): NodeStatus {
    this.statusCalls++;
    return this.health.status(call, now);
  }

  takeProbe(call: Call, now: number): boolean {
    return this.health.takeProbe(call, now);
  }
}

/** The client's shipped policies around scripted servers, on virtual time. */
export class Rig {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly nodes: readonly RigNode[];
  readonly budget: RetryBudget;
  readonly breakers: BreakerGroup;
  readonly transitions: BreakerTransition[] = [];
  attempts = 0;
  readonly #options: RigOptions;
  readonly #health: ServiceHealth;
  readonly #picker: Picker<RigNode>;
  readonly #callGate: Required<Gate>;
  readonly #attemptGate: Required<Gate>;
  readonly #serve: Service;

  constructor(options: RigOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    this.budget = options.budget ?? new RetryBudget('rig');
    const { clock, random, budget } = this;
    this.breakers = new BreakerGroup({
      options: resolvePolicy('rig', POLICIES.breaker),
      clock,
      random,
      onTransition: (transition) => this.transitions.push(transition),
    });
    const health = new ServiceHealth({
      clock,
      random,
      breakers: options.breakers === false ? undefined : this.breakers,
      ejection: resolvePolicy('rig', POLICIES.ejection, options.ejection),
    });
    this.#health = health;
    this.nodes = options.nodes.map((script, index) => new RigNode(index, script, health));
    this.#picker = options.picker.create(this.nodes, health);
    this.#callGate = fuseGates([budget]);
    const { latency } = options;
    this.#attemptGate = fuseGates([
      ...(latency === undefined ? [] : [{ settle: latency.settle.bind(latency) }]),
      { settle: (call, outcome) => this.#settle(call, outcome) },
      ...(latency?.excuse === undefined ? [] : [latency.excuse]),
    ]);
    const { retries } = options;
    const layers = retries === undefined ? [] : [retry({ max: retries, budget, clock, random })];
    this.#serve = stack(layers, (call) => this.#send(call));
  }

  /** Makes a call as a user does. */
  call(change?: (call: Call) => void): Promise<unknown> {
    const { idempotent = true, timeoutMs = Number.POSITIVE_INFINITY } = this.#options;
    const call = new Call(METHOD, [], false);
    call.createdAt = this.clock.now();
    call.deadline = call.createdAt + timeoutMs;
    call.idempotent = idempotent;
    change?.(call);
    this.#callGate.enter(call);
    call.callGate = this.#callGate;
    return this.#serve(call);
  }

  /** What the balancer does for each attempt. */
  pick(call: Call, now: number): RigNode | undefined {
    return this.#picker.pick(call, now);
  }

  #send(call: Call): Promise<unknown> {
    const now = this.clock.now();
    const node = this.#picker.pick(call, now)!;
    const { retries = 0, latency } = this.#options;
    this.attempts++;
    this.#health.callStarted();
    node.arrivals.push(now);
    call.attemptGate = this.#attemptGate;
    call.attemptDeadline = attemptDeadline(
      call,
      now,
      retries - call.attempt,
      undefined,
      latency ? latency.slowMs(now) : 0,
    );
    call.startedAt = now;
    call.destination = node;
    node.load.started(now);
    const reply = node.script(now, this.random, call);
    return new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
      const patienceMs = call.attemptDeadline - now;
      const late = reply.afterMs > patienceMs;
      const error = late ? rpcError('DEADLINE_EXCEEDED', 'no reply', { progress: 'maybe-processed' }) : reply.error;
      this.clock.schedule(late ? patienceMs : reply.afterMs, () => {
        call.endedAt = this.clock.now();
        if (error === undefined) call.succeed('done');
        else call.fail(error);
      });
    });
  }

  #settle(call: Call, outcome: Outcome): void {
    const node = call.destination as RigNode;
    this.#health.callSettled();
    const kind = classify(outcome);
    node.load.settled(call.endedAt, call.startedAt, kind, call);
    node.health.settled(call, kind, call.endedAt);
  }
}

/** A server that answers within some time, and always well. */
export function healthy(time: ServiceTime): Script {
  return (_now, random) => ({ afterMs: time(random) });
}

/** The failure of a server that breaks: the handler has run, or not, and failed. */
export function broken(): ReturnType<typeof rpcError> {
  return rpcError('UNAVAILABLE', 'broken', { progress: 'maybe-processed' });
}
