import { isRpcError, type Peer, type RpcError, type ServiceDefinition, systemClock } from '@org/rpc-core';
import type { RulesFollower } from '@org/rpc-registry/internal';
import { type IncomingCall, packLoad } from '@org/rpc-wire/internal';
import type { Dispatcher } from '../dispatcher.js';
import type { Handler } from '../handler.js';
import type { CallTally } from '../operator/call-tally.js';
import { CallLimits, type CallLimitsParts, type CallLimitsState, type ServiceLimits } from '../policy/call-limits.js';
import { CallObserver } from '../policy/call-observer.js';
import { ConcurrencyLimit } from '../policy/concurrency.js';
import { DroppedCalls, type OneWayDroppedEvent } from '../policy/dropped-calls.js';
import { OutlivedCalls, type OutlivedEvent } from '../policy/outlived-calls.js';
import { preemptedMs } from '../policy/preempted-time.js';
import { ServerStack, type ServerStackParts } from '../stack.js';
import type { ServerState } from '../state.js';
import type { ResolvedServerOptions } from './options.js';

/** What the calls of a server need of it. */
export interface ServedCallsParts {
  /** The id of the server. */
  readonly instance: string;
  readonly dispatcher: Dispatcher;
  /** Counts calls while an operator looks. */
  readonly tally: CallTally;
  /** Turns what was thrown into what the caller may see. */
  presentable(thrown: unknown, call: IncomingCall<Handler>): RpcError;
  /** A call has ended, or does not count any more. */
  onEnded(): void;
  onOutlived(event: OutlivedEvent): boolean;
  onDropped(event: OneWayDroppedEvent): void;
  /** A dark rule would have refused a call. */
  readonly tellDark: CallLimitsParts<Handler>['tellDark'];
}

/** The calls of a server: what lets them in, what runs them, and how many there are. */
export class ServedCalls {
  readonly #concurrency: ConcurrencyLimit<Handler>;
  readonly #tellDropped: ServedCallsParts['onDropped'];
  readonly #limits: CallLimits<Handler>;
  readonly #observer: CallObserver<Handler>;
  readonly #stack: ServerStack<Handler>;
  readonly #outlived: OutlivedCalls<Handler>;
  readonly #dropped = new DroppedCalls();

  constructor(options: ResolvedServerOptions, given: ServedCallsParts) {
    const { clock, random, authorize, overload, concurrencyMax: max, concurrencyQueue: queue } = options;
    const { dispatcher, tally, tellDark } = given;
    this.#tellDropped = (event) => given.onDropped(event);
    const measured = { preemptedMs: clock === systemClock ? preemptedMs : undefined };
    this.#concurrency = new ConcurrencyLimit({ max, queue, overload, clock, random, ...measured });
    this.#limits = new CallLimits({ ...options, ...measured, concurrency: this.#concurrency, tellDark });
    this.#observer = new CallObserver(given.instance, clock, tally);
    const parts: ServerStackParts<Handler> = {
      authorize,
      admission: this.#limits,
      run: (call) => dispatcher.dispatch(call),
      runStream: (call, items) => dispatcher.dispatchStream(call, items),
      presentable: (thrown, call) => {
        const shown = given.presentable(thrown, call);
        const { abortReason } = call;
        // Its caller's deadline has aborted it: that, and no fault of the handler, is why it failed.
        return shown.code === 'INTERNAL' && isRpcError(abortReason, 'DEADLINE_EXCEEDED') ? abortReason : shown;
      },
      dropped: (call, error) => this.#dropped.add(error, call.peer, call.entry),
      ended: () => given.onEnded(),
    };
    this.#stack = new ServerStack(parts, this.#observer.around(parts));
    this.#outlived = new OutlivedCalls<Handler>({
      release: (call) => {
        this.#stack.release(call);
        given.onEnded();
      },
      emit: (event) => given.onOutlived(event),
    });
  }

  /** How many handlers run now. */
  get running(): number {
    return this.#concurrency.running;
  }

  /** How many calls are inside, waiting ones included. */
  get size(): number {
    return this.#stack.size;
  }

  /** What the methods of a service have to pass. @throws TypeError for wrong limits */
  limitsOf(definition: ServiceDefinition, limits: ServiceLimits | undefined): (entry: Handler) => void {
    return this.#limits.ofService(definition, limits);
  }

  /** From now on these rules hold for a service; `undefined`: none. */
  applyRules(service: string, rules: RulesFollower['current']): void {
    this.#limits.applyRules(service, rules);
  }

  /** Serves a call; its arguments are in `bytes[start, end)`, borrowed until this returns. */
  serve(call: IncomingCall<Handler>, bytes: Buffer, start: number, end: number): void {
    if (this.#observer.isOn) this.#observer.begin(call);
    this.#stack.serve(call, bytes, start, end);
  }

  /** A one-way call was refused before it came here. */
  dropped(error: RpcError, peer: Peer, entry: Handler | undefined): void {
    this.#dropped.add(error, peer, entry);
  }

  /** How long bytes read at this time may have waited unread, in milliseconds. */
  stallBefore(readAt: number): number {
    return this.#concurrency.stallBefore(readAt);
  }

  /** What answers say of the load. @param ending - calls that are counted and end with this answer */
  load(ending: number): number {
    return packLoad(this.#stack.size - ending, this.#concurrency.queueMs);
  }

  /** Looks after them; called about once a second. @param nextBy - when it is called again */
  tick(calls: Iterable<IncomingCall<Handler>>, now: number, nextBy: number): void {
    this.#concurrency.ticked(nextBy);
    this.#limits.sweep();
    this.#dropped.flush(this.#tellDropped);
    this.#outlived.sweep(calls, now);
  }

  /** What is known of them, and of what lets them in. */
  state(): CallLimitsState & Pick<ServerState, 'calls'> {
    const { running, waiting } = this.#concurrency;
    const calls = { running, waiting, ...this.#stack.ended, dropped: this.#dropped.total };
    return { ...this.#limits.state(), calls };
  }
}
