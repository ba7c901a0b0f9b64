import { type Call, CallTrail, type MethodRef, type Random } from '@org/rpc-core';
import { breakerValuesOf } from '../client-method.js';
import type { PeakEwmaLoad } from '../picker/load.js';
import { NodeStatus, type PickerNode } from '../picker/picker.js';
import { Breaker, type BreakerOwner } from '../policy/breaker.js';
import type { BreakerGroup } from '../policy/breaker-group.js';
import { type EjectionCount, type EjectionValues, OutlierRecord } from '../policy/ejection.js';
import type { OutcomeKind } from '../policy/outcome.js';
import type { NodeHealthState } from '../policy/policy-state.js';
import type { Denials } from './denials.js';
import { Failing, type FailingPeers } from './failing.js';
import { MethodFaults } from './method-faults.js';
import { methodKey } from './method-key.js';
import { denialShutter, ejectionShutter, type Shutter } from './shutter.js';

/** How long a newcomer warms up, in milliseconds; one that was away warms up for as long as it was, this long at most. */
export const RAMP_MS = 30_000;

/** A node that was away for less has not cooled down, in milliseconds. */
const WARM_UP_FROM_MS = 1_000;

/** By then a stream that is a trial has shown whether it works, in milliseconds. */
const STREAM_TRIAL_MS = 5_000;

/** When no call that may be repeated elsewhere has come for this long, in milliseconds, any call may be the trial call. */
const ANY_CALL_AFTER_MS = 2_000;

/**
 * How many methods of one node have a breaker; beyond that one without a failure is dropped for the next. Where all have failures
 * there are more, up to a bound after which a method has none: were those dropped, none of them would ever see enough to open.
 */
const METHODS_MAX = 1_000;
const FAILING_METHODS_MAX = 10_000;

/** How many breakers are looked at for one that can be dropped. */
const DROP_LOOKS = 4;

/** A node whose load can be set: what is behind a {@link PickerNode} here. */
export interface MeasuredNode extends PickerNode {
  readonly load: PeakEwmaLoad;
}

/** How long the computed latency of the peers is used before it is computed again, in milliseconds. */
const PEERS_FOR_MS = 100;

/** What the health of a node needs of its peers: `ServiceHealth` implements it. */
export interface NodePeers extends FailingPeers {
  readonly random: Random;
  /** The breakers of the client; `undefined` when they are off. */
  readonly breakers: BreakerGroup | undefined;
  /** What of the calls was denied, and by whom. */
  readonly denials: Denials;
  /** When nodes are left alone for all methods. */
  readonly ejection: EjectionValues;
  readonly ejections: EjectionCount;
  /** Told when a node is left alone, and for how long at first; `undefined` when it is given calls again. */
  ejected(node: MeasuredNode, forMs: number | undefined): void;
  /** The usual latency of the node's peers, in milliseconds; `undefined` when it has none. */
  medianMs(node: MeasuredNode, now: number): number | undefined;
  /** Told that the node can be called for the first time. */
  arrived(node: MeasuredNode, now: number): void;
  /** Told whether a probe may be due at the node. */
  setProbing(node: MeasuredNode, probing: boolean): void;
  /** Told when a breaker of the node has opened (1) or is open no more (-1). */
  countOpen(breaker: Breaker, change: 1 | -1): void;
  /** Told when the node is gone. */
  leave(node: MeasuredNode, health: NodeHealth): void;
}

/**
 * The health of one node, as a status and not as an exception: breakers for each method, and one slot for a trial call.
 *
 * A trial call is also due some time after a failure that opened no breaker. The failure raises the node's load, so that by load
 * alone a recovered node among a hundred would wait three quarters of a minute for its first call.
 */
export class NodeHealth implements BreakerOwner {
  readonly #node: MeasuredNode;
  readonly #peers: NodePeers;
  readonly #breakers = new Map<string, Breaker>();
  /** The same by reference, which needs no joining of two names; emptied when it is full, since references come and go. */
  readonly #byRef = new Map<MethodRef, Breaker>();
  /** The methods that it denies and its peers do not, by {@link methodKey}. */
  readonly #denying = new Map<string, Shutter>();
  readonly #outlier: OutlierRecord;
  readonly #ejection: Shutter;
  /** Open breakers, methods that it denies, and 1 while it is ejected. */
  #shut = 0;
  #peersMs: number | undefined;
  #peersAskedAt = Number.NEGATIVE_INFINITY;
  /** The call that has the probe slot, and what waits for its outcome. */
  #probe: Call | undefined;
  #probed: Shutter | undefined;
  /** Failures of the node as a whole; `undefined` after a success. */
  #failing: Failing | undefined;
  /** Methods that fail, or failed of late, at a node that works; `undefined` when none did. */
  #faults: MethodFaults | undefined;
  /** Whether there are failures of either kind. */
  #isFailing = false;
  /** Whether calls can be given to the node at all: otherwise it is not also counted as avoided. */
  #isPresent = false;
  #hasArrived = false;
  #absentFrom = 0;
  #closed = false;

  /** Made by `ServiceHealth.join`. */
  constructor(node: MeasuredNode, peers: NodePeers, now: number) {
    this.#node = node;
    this.#peers = peers;
    this.#outlier = new OutlierRecord(peers.random, now);
    this.#ejection = ejectionShutter(this.#outlier, (at) => this.readmit(at));
  }

  get instance(): string | undefined {
    return this.#node.instance;
  }

  get address(): string {
    return this.#node.address;
  }

  /** How many methods have a breaker. */
  get methods(): number {
    return this.#breakers.size;
  }

  /** What speaks against the node for this call: OPEN, SUSPECT, AVOID or PROBE. Connection and draining are the node's own. */
  status(call: Call, now: number): NodeStatus {
    if (this.#shut === 0 && !this.#isFailing) return NodeStatus.OPEN;
    const shutter = this.#shut > 0 ? this.#shutter(call.methodRef) : undefined;
    if (shutter !== undefined) return this.#mayProbe(call, now, shutter) ? NodeStatus.PROBE : NodeStatus.AVOID;
    const failing = this.#failingOf(call.methodRef);
    if (failing === undefined) return NodeStatus.OPEN;
    if (this.#mayProbe(call, now, failing)) return NodeStatus.PROBE;
    return failing.isSuspect(call.methodRef, now) ? NodeStatus.SUSPECT : NodeStatus.OPEN;
  }

  /** See {@link MeasuredNode.takeProbe}. */
  takeProbe(call: Call, now: number): boolean {
    if (this.status(call, now) !== NodeStatus.PROBE) return false;
    const shutter = this.#shutter(call.methodRef);
    this.#probe = call;
    this.#probed = shutter;
    call.trail ??= new CallTrail();
    call.trail.trial = {
      fault: shutter?.fault ?? 'failing',
      forMs: now - (shutter ?? this.#failingOf(call.methodRef) ?? { from: now }).from,
    };
    return true;
  }

  /** Whether calls can be given to the node, whatever its health. */
  setPresent(isPresent: boolean, now: number): void {
    if (this.#closed || isPresent === this.#isPresent) return;
    this.#isPresent = isPresent;
    const change = isPresent ? 1 : -1;
    this.#peers.ejections.present += change;
    if (this.#outlier.isEjected) this.#peers.ejections.ejected += change;
    else this.#countBreakers(change);
    if (!isPresent) this.#absentFrom = now;
    else if (this.#hasArrived) this.#warmUp(now - this.#absentFrom, now);
    else {
      this.#hasArrived = true;
      this.#peers.arrived(this.#node, now);
    }
  }

  /** Breakers of an ejected node are not counted: it is avoided only once. */
  #countBreakers(change: 1 | -1): void {
    for (const breaker of this.#breakers.values()) if (breaker.isOpen) this.#peers.countOpen(breaker, change);
  }

  /** What speaks against it now, for people and tools. */
  state(now: number): NodeHealthState {
    const open = [...this.#breakers.values()].filter(({ isOpen }) => isOpen);
    const breakers = open.map((each) => ({ method: each.method, trialInMs: each.trialInMs(now) }));
    const denies = [...this.#denying.keys()].map((key) => key.slice(key.indexOf(' ') + 1));
    const ejected = this.#outlier.isEjected ? { trialInMs: this.#outlier.trialInMs(now) } : undefined;
    const failing = this.#failing && failingState(this.#failing, now);
    const failingMethods = [...(this.#faults?.failing() ?? [])].map(({ method, failing: its }) => ({
      method,
      ...failingState(its, now),
    }));
    return { breakers, denies, ejected, failing, failingMethods };
  }

  /** Whether it is left alone for all methods. */
  get isEjected(): boolean {
    return this.#outlier.isEjected;
  }

  /** Ends the ejection. */
  readmit(now: number): void {
    if (!this.#outlier.isEjected) return;
    this.#outlier.readmit(now);
    this.#shut--;
    if (this.#isPresent) {
      this.#peers.ejections.ejected--;
      this.#countBreakers(1);
    }
    this.#updateProbing();
    if (!this.#closed) this.#peers.ejected(this.#node, undefined);
  }

  /** Takes the outcome of a call that was given to the node. Call it after the load's `settled`, which this may reset. */
  settled(call: Call, kind: OutcomeKind, now: number): void {
    if (this.#closed) return;
    if (kind === 'business' || kind === 'denied') this.#answered(call, now);
    if (this.#probe === call) {
      this.#probeSettled(call, kind, now);
      return;
    }
    if (kind === 'denied' || this.#peers.denials.isActive) this.#compare(call, kind, now);
    this.#watch(call, kind, now);
    if (this.#peers.breakers !== undefined) this.#obtain(call.methodRef)?.record(kind, call.startedAt, now);
    if (kind === 'failure') this.#failed(call, now);
    else if (this.#isFailing && (kind === 'ok' || kind === 'business')) this.#succeeded(call, now);
  }

  /** The node has been connected again: trial calls that wait for their time are due now. */
  reconnected(now: number): void {
    this.#failing?.expedite(now);
    this.#faults?.expedite(now);
    for (const breaker of this.#breakers.values()) if (breaker.isOpen) breaker.expedite(now);
    for (const shutter of this.#denying.values()) shutter.expedite(now);
    if (this.#outlier.isEjected) this.#outlier.expedite(now);
  }

  /** Other rules are in force. */
  refreshBreakers(): void {
    for (const breaker of this.#breakers.values()) breaker.refresh();
  }

  /** Called by a breaker. */
  breakerChanged(breaker: Breaker): void {
    if (this.#closed) return;
    const change = breaker.isOpen ? 1 : -1;
    this.#shut += change;
    if (this.#isPresent && !this.#outlier.isEjected) this.#peers.countOpen(breaker, change);
    this.#updateProbing();
  }

  /** The node is gone: nothing of it is counted any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#isPresent) this.#peers.ejections.present--;
    this.readmit(0);
    for (const breaker of this.#breakers.values()) this.#drop(breaker);
    this.#breakers.clear();
    this.#byRef.clear();
    this.#denying.clear();
    this.#peers.leave(this.#node, this);
  }

  /**
   * Whether a probe is due and this call may be it: one that is tried again elsewhere should it fail. When none has come for
   * long, any call must do, or a service without such methods would never come back.
   */
  #mayProbe(call: Call, now: number, against: Shutter | Failing): boolean {
    // After its deadline a call has settled. If that were ever missed, the node must not stay away for ever.
    const probe = this.#probe;
    // A stream lasts, and says early whether it works.
    const until = probe?.stream === undefined ? probe?.deadline : probe.startedAt + STREAM_TRIAL_MS;
    if (until !== undefined && now <= until) return false;
    if (!against.isDue(now, call.methodRef)) return false;
    if (call.idempotent && call.attempt === 0 && !call.oneWay && call.stream === undefined) return true;
    return against.isDue(now - ANY_CALL_AFTER_MS, call.methodRef);
  }

  #probeSettled(call: Call, kind: OutcomeKind, now: number): void {
    const probed = this.#probed;
    this.#probe = undefined;
    this.#probed = undefined;
    if (probed !== undefined) probed.recordProbe(kind, now);
    else {
      this.#watch(call, kind, now);
      if (this.#peers.breakers !== undefined) this.#obtain(call.methodRef)?.record(kind, call.startedAt, now);
    }
    if (kind === 'failure') this.#failed(call, now);
    else if (kind === 'ok' || kind === 'business') this.#worked(call.methodRef, now, now);
  }

  #failed({ methodRef }: Call, now: number): void {
    const faults = this.#faults;
    faults?.prune(now);
    const fault = faults?.find(methodRef);
    if (fault !== undefined) faults!.fail(fault, methodRef, now, () => new Failing(this.#peers, now));
    else {
      this.#failing ??= new Failing(this.#peers, now);
      this.#failing.add(methodRef, now);
    }
    this.#updateProbing();
  }

  /** What began before the last failure says nothing new. */
  #succeeded({ methodRef, startedAt }: Call, now: number): void {
    const failing = this.#failingOf(methodRef);
    if (failing !== undefined && startedAt > failing.at) this.#worked(methodRef, startedAt, now);
    else this.#faults?.prune(now);
  }

  /** A call that was given to it `since` then has been answered. */
  #worked(ref: MethodRef, since: number, now: number): void {
    const fault = this.#faults?.find(ref);
    if (fault !== undefined) this.#faults!.recover(fault, now);
    const failing = this.#failing;
    if (failing !== undefined && since > failing.at) {
      this.#failing = undefined;
      if (!failing.isOf(ref)) this.#blameMethods(failing, now);
      else if (failing.failures > 1) this.#warmUp(now - failing.from, now);
    }
    // What a method is charged for alone is not in the load.
    if (failing !== undefined || fault === undefined) this.#node.load.reset(this.#peers.medianMs(this.#node, now), now);
    this.#updateProbing();
  }

  /** Another method works: what failed are these alone. */
  #blameMethods(failing: Failing, now: number): void {
    this.#faults ??= new MethodFaults();
    const ms = this.#node.load.estimateMs(now);
    for (const key of failing.methods) this.#faults.add(key, failing.ofMethod(key, now), ms, now);
  }

  /** What calls of this method have to fear: what it does itself, or else the node. */
  #failingOf(ref: MethodRef): Failing | undefined {
    return this.#faults?.find(ref)?.failing ?? this.#failing;
  }

  /** Its share rises slowly: what it had in memory may be gone, and what waits for it must not come at once. */
  #warmUp(awayMs: number, now: number): void {
    if (awayMs >= WARM_UP_FROM_MS) this.#node.load.ramp(Math.min(RAMP_MS, awayMs), now);
  }

  #updateProbing(): void {
    const isCharged = this.#faults?.isFailing === true;
    this.#node.load.charge(this.#faults, isCharged);
    this.#isFailing = isCharged || this.#failing !== undefined;
    this.#peers.setProbing(this.#node, this.#shut > 0 || this.#isFailing);
  }

  /** Ejects the node if it fails too much and the others can do without it. */
  #watch(call: Call, kind: OutcomeKind, now: number): void {
    const { ejection, ejections } = this.#peers;
    if (ejection.maxPercent === 0 || !this.#outlier.record(kind, call.startedAt, now, ejection)) return;
    if (!this.#isPresent || !ejections.mayEject(ejection)) return;
    const forMs = this.#outlier.eject(now, ejection);
    this.#shut++;
    ejections.ejected++;
    this.#countBreakers(-1);
    this.#updateProbing();
    this.#peers.ejected(this.#node, forMs);
  }

  /** What keeps calls of this method away now. */
  #shutter(ref: MethodRef): Shutter | undefined {
    if (this.#outlier.isEjected) return this.#ejection;
    const breaker = this.#find(ref);
    if (breaker?.isOpen) return breaker;
    return this.#denying.size === 0 ? undefined : this.#denying.get(methodKey(ref));
  }

  /** The answer took the node no work, so it does not show that it is faster than its peers. */
  #answered(call: Call, now: number): void {
    if (now - this.#peersAskedAt >= PEERS_FOR_MS) {
      this.#peersAskedAt = now;
      this.#peersMs = this.#peers.medianMs(this.#node, now);
    }
    if (call.stream === undefined) this.#node.load.answeredShort(now, now - call.startedAt, this.#peersMs);
  }

  /** Compares what it denies with what its peers deny. */
  #compare(call: Call, kind: OutcomeKind, now: number): void {
    const { denials, random } = this.#peers;
    const { methodRef } = call;
    if (this.#denying.size > 0 && this.#denying.has(methodKey(methodRef))) return;
    if (!denials.record(this.#node, call, kind, now)) return;
    denials.exclude(this.#node, methodRef, now);
    const key = methodKey(methodRef);
    const open = (): void => {
      if (!this.#denying.delete(key)) return;
      this.#shut--;
      this.#updateProbing();
    };
    const isAlone = (at: number): boolean => denials.isAlone(methodRef, at);
    this.#denying.set(key, denialShutter(now, random, isAlone, open));
    this.#shut++;
    this.#updateProbing();
  }

  #find(ref: MethodRef): Breaker | undefined {
    return this.#byRef.get(ref) ?? this.#breakers.get(methodKey(ref));
  }

  #obtain(ref: MethodRef): Breaker | undefined {
    const known = this.#byRef.get(ref);
    if (known !== undefined) return known;
    const key = methodKey(ref);
    let breaker = this.#breakers.get(key);
    if (breaker === undefined) {
      if (this.#breakers.size >= METHODS_MAX && !this.#makeRoom()) return undefined;
      breaker = new Breaker(this.#peers.breakers!, this, ref, breakerValuesOf(ref));
      this.#breakers.set(key, breaker);
    }
    if (this.#byRef.size >= FAILING_METHODS_MAX) this.#byRef.clear();
    this.#byRef.set(ref, breaker);
    return breaker;
  }

  /** Drops the oldest breaker that has nothing to remember. @returns whether there is room for another one */
  #makeRoom(): boolean {
    let looks = 0;
    for (const [key, breaker] of this.#breakers) {
      this.#breakers.delete(key);
      if (!breaker.isOpen && !breaker.hasFailures) {
        this.#byRef.clear();
        this.#drop(breaker);
        return true;
      }
      // To the end, so that the next look begins with others.
      this.#breakers.set(key, breaker);
      if (++looks === DROP_LOOKS) break;
    }
    return this.#breakers.size < FAILING_METHODS_MAX;
  }

  #drop(breaker: Breaker): void {
    if (breaker.isOpen) {
      this.#shut--;
      if (this.#isPresent && !this.#outlier.isEjected) this.#peers.countOpen(breaker, -1);
    }
    breaker.close();
  }
}

function failingState({ from, failures }: Failing, now: number): { readonly forMs: number; readonly failures: number } {
  return { forMs: now - from, failures };
}
