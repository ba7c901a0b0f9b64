import type { MethodRef, Random } from '@org/rpc-core';
import { probeDelayMs } from '../policy/backoff.js';
import { methodKey } from './method-key.js';

/** How long after a failure a trial call is due when no breaker has opened, in milliseconds. */
const PROBE_AFTER_MS = 5_000;

/**
 * What has failed and not succeeded for so long since, in milliseconds, is suspect: others go before it, whatever its load. Before that, load
 * and breakers judge: a node that is called often and well soon has its next success.
 */
export const SUSPECT_AFTER_MS = 1_000;

/**
 * A trial call is not due before the client has made so many calls for each node that it has beyond a few, unless that takes too
 * long: of a client with many nodes and few calls, trials would be more than the node would get if it were well.
 */
const PROBE_CALLS = 10;
const PROBE_CALLS_FREE = 50;
const PROBE_CALLS_FOR_MS = 120_000;

/** So many methods are tried that have not failed themselves; where as many fail, it is the node. */
const OTHERS_MAX = 4;

/** Beyond so many methods it is not told which have failed. */
const METHODS_MAX = 64;

/** What trial calls are measured by: the calls of all nodes. */
export interface FailingPeers {
  readonly random: Random;
  /** How many nodes there are, and how many calls they were given until now. */
  readonly size: number;
  readonly started: number;
}

/** Failures without a success since, of a node or of one of its methods: whether others go before it, and when a trial call is due. */
export class Failing {
  /** When the first and the last of them were seen. */
  readonly from: number;
  at: number;
  failures = 0;
  /** The methods that have failed, by {@link methodKey}. */
  readonly methods = new Set<string>();
  readonly #peers: FailingPeers;
  #probeAt: number;
  /** The calls that all nodes had been given when it last failed. */
  #startedBefore: number;

  constructor(peers: FailingPeers, now: number) {
    this.#peers = peers;
    this.from = now;
    this.at = now;
    this.#probeAt = now;
    this.#startedBefore = peers.started;
  }

  /** One more failure. */
  add(ref: MethodRef, now: number): void {
    const peers = this.#peers;
    this.at = now;
    this.failures++;
    if (this.methods.size < METHODS_MAX) this.methods.add(methodKey(ref));
    this.#startedBefore = peers.started;
    this.#probeAt = now + probeDelayMs(PROBE_AFTER_MS, now - this.from, peers.random);
  }

  /** The same of one of the methods alone, when another one has shown that the node works: its trial call is due, unless it has just failed. */
  ofMethod(key: string, now: number): Failing {
    const one = new Failing(this.#peers, this.from);
    one.at = this.at;
    one.failures = this.failures;
    one.methods.add(key);
    one.#startedBefore = this.#startedBefore;
    one.#probeAt = Math.min(this.#probeAt, Math.max(now, this.from + PROBE_AFTER_MS));
    return one;
  }

  /** Whether a success of this method says that all is well again: it had failed, or so many have that it was the node. */
  isOf(ref: MethodRef): boolean {
    return this.methods.size >= METHODS_MAX || this.methods.has(methodKey(ref));
  }

  /** Whether it has failed for so long that others go before it for calls of this method. */
  isSuspect(ref: MethodRef, now: number): boolean {
    return now - this.from >= SUSPECT_AFTER_MS && (this.methods.size > 1 || this.isOf(ref));
  }

  /**
   * Whether it is time for a trial call, and others have had enough calls since. A call of a method that has not failed is soon due: it tells
   * whether it is the node or the method.
   */
  isDue(now: number, ref: MethodRef): boolean {
    const { size, started } = this.#peers;
    const calls = started - this.#startedBefore;
    if (now >= this.#probeAt) {
      if (calls >= PROBE_CALLS * size - PROBE_CALLS_FREE || now - this.at >= PROBE_CALLS_FOR_MS) return true;
    }
    if (now - this.at < SUSPECT_AFTER_MS || calls < size || this.methods.size >= OTHERS_MAX) return false;
    return !this.isOf(ref);
  }

  /** Makes the trial call due now, because something else has shown that the node is back. */
  expedite(now: number): void {
    this.#probeAt = Math.min(this.#probeAt, now);
    this.#startedBefore = Number.NEGATIVE_INFINITY;
  }
}
