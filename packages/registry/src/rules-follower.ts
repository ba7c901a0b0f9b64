import { hostname } from 'node:os';
import type { Cancel, Clock, RuleMode, RulePolicy, RulesDocument } from '@org/rpc-core';
import { modesOf, parseRules, ruleModes } from '@org/rpc-core/internal';
import { DarkCounts, type WouldApplyEvent } from './dark-counts.js';
import { reportKey } from './rules-report-text.js';
import type { RulesReport, RulesSource } from './rules-source.js';

/** A document of rules as it concerns one instance. Immutable: another document makes another one. */
export interface FollowedRules {
  readonly document: RulesDocument;
  /** What each policy is for this instance; `off` for those of the other end of calls. */
  readonly modes: Readonly<Record<RulePolicy, RuleMode>>;
}

/** Why a document was refused. */
export interface RejectedRules {
  /** `undefined` when it can't be made out. */
  readonly version: number | undefined;
  /** What is wrong, and where in the document. */
  readonly reason: string;
}

/** What a follower of rules is made with. */
export interface RulesFollowerParts {
  readonly service: string;
  /** Which end of the calls follows. Reports of servers are told apart from those of clients by their names: `<instance>@server`. */
  readonly side: 'client' | 'server';
  /** Left out by registries without rules. */
  readonly source: RulesSource | undefined;
  /** The name of the client, or the id of the server. */
  readonly instance: string;
  readonly clock: Clock;
  /** Of a client, whether it has called the service. */
  hasCalled?(): boolean;
  /** Other rules are in force; `undefined` for none any more. */
  onSwap(rules: FollowedRules | undefined): void;
  /** What dark rules would have changed; by {@link RulesFollower.tick}. */
  onWouldApply(event: WouldApplyEvent): void;
  /** A document was refused; what was in force before stays. */
  onRejected(rejected: RejectedRules): void;
}

/** By host and number. */
const PROCESS = `${hostname()}:${process.pid}`;

/** The shortest time between two swaps of rules, in milliseconds, however often somebody writes. */
const SWAP_MIN_MS = 200;

/**
 * Follows the rules of one service. Each document is checked as a whole and becomes one immutable value, which replaces the one
 * before at once for all methods. A wrong document changes nothing and is reported, here and in the registry. While the registry
 * cannot be reached, the last document holds.
 */
export class RulesFollower {
  /** What dark rules would have changed, since the rules in force were set. */
  readonly counts = new DarkCounts();
  readonly #parts: RulesFollowerParts;
  readonly #reporter: Pick<RulesReport, 'instance' | 'process'>;
  #watch: { close(): void } | undefined;
  /** What was looked at last; `undefined` before the first document. */
  #text: string | undefined;
  #waiting: { readonly text: string | undefined } | undefined;
  #cancelSwap: Cancel | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #current: FollowedRules | undefined;
  #rejected: RejectedRules | undefined;
  /** The last report. */
  #said: RulesReport | undefined;

  constructor(parts: RulesFollowerParts) {
    this.#parts = parts;
    const { side, instance } = parts;
    this.#reporter = side === 'client' ? { instance, process: PROCESS } : { instance: `${instance}@server` };
  }

  /** The rules in force. */
  get current(): FollowedRules | undefined {
    return this.#current;
  }

  /** The last document, if it could not be used. */
  get rejected(): RejectedRules | undefined {
    return this.#rejected;
  }

  /** What each policy is for this instance now. */
  get modes(): Readonly<Record<RulePolicy, RuleMode>> {
    return this.#current?.modes ?? ALL_OFF;
  }

  /** Begins to follow the registry. To be ended with {@link close}. */
  open(): void {
    this.#watch ??= this.#parts.source?.watch(this.#parts.service, (text) => this.#offer(text));
  }

  /** Tells what dark rules would have changed, and operators that the first call was made; called about once a second. */
  tick(): void {
    const said = this.#said;
    if (said?.hasCalled === false && this.#parts.hasCalled?.()) this.#report(said.status, said.version, said.reason);
    if (this.#current === undefined) return;
    const { service, onWouldApply } = this.#parts;
    this.counts.flush(service, this.#current.document.version, onWouldApply);
  }

  /** Ends the watch; what is in force stays. Idempotent. */
  close(): void {
    this.#cancelSwap?.();
    this.#watch?.close();
  }

  #offer(text: string | undefined): void {
    const { clock } = this.#parts;
    const waitMs = this.#lookedAt + SWAP_MIN_MS - clock.now();
    const isScheduled = this.#waiting !== undefined;
    if (!isScheduled && waitMs <= 0) return this.#look(text);
    // Of documents that come meanwhile the last one counts.
    this.#waiting = { text };
    if (isScheduled) return;
    this.#cancelSwap = clock.schedule(
      waitMs,
      () => {
        const waiting = this.#waiting!;
        this.#waiting = undefined;
        this.#look(waiting.text);
      },
      true,
    );
  }

  #look(text: string | undefined): void {
    if (text === this.#text) return;
    const { source, service, side, instance, clock } = this.#parts;
    this.#text = text;
    this.#lookedAt = clock.now();
    if (text === undefined) {
      this.#rejected = undefined;
      if (this.#current !== undefined) this.#swap(undefined);
      this.#said = undefined;
      source?.report(service, reportKey(this.#reporter), undefined);
      return;
    }
    try {
      const document = parseRules(text);
      this.#rejected = undefined;
      this.#swap(Object.freeze({ document, modes: ruleModes(side, document, instance, service) }));
      this.#report('applied', document.version, undefined);
    } catch (error) {
      this.#reject(versionOf(text), (error as Error).message);
    }
  }

  #swap(rules: FollowedRules | undefined): void {
    this.tick();
    this.#current = rules;
    this.counts.clear();
    this.#parts.onSwap(rules);
  }

  #reject(version: number | undefined, reason: string): void {
    this.#rejected = Object.freeze({ version, reason });
    this.#parts.onRejected(this.#rejected);
    this.#report('rejected', version, reason);
  }

  #report(status: RulesReport['status'], version: number | undefined, reason: string | undefined): void {
    const { source, service, clock } = this.#parts;
    const inForce = this.#current?.document.version;
    const at = clock.wallNow();
    const hasCalled = this.#parts.hasCalled?.();
    const report = { ...this.#reporter, hasCalled, status, version, reason, inForce, policies: this.modes, at };
    this.#said = report;
    source?.report(service, reportKey(this.#reporter), report);
  }
}

const ALL_OFF = modesOf(() => 'off');

/** The version in a document that can't be used, as far as it can be made out. */
function versionOf(text: string): number | undefined {
  if (text.length > VERSION_SOUGHT_LENGTH) return undefined;
  try {
    const { version } = JSON.parse(text) as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}

/** What is longer is not parsed again: it is no document of rules. */
const VERSION_SOUGHT_LENGTH = 64 * 1024;
