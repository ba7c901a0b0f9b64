import type { Call, Layer, LimitedBy, RpcError } from '@org/rpc-core';

/** A limit that a call must pass before it starts. */
export interface CallLimit {
  /**
   * `undefined` lets the call pass at once, an error refuses it, and a promise lets it pass when it resolves or refuses it
   * when it rejects with an {@link RpcError}.
   */
  admit(call: Call): undefined | RpcError | Promise<void>;
  /** Returns what {@link admit} took for a call that another limit has refused. */
  giveBack(call: Call): void;
}

/** The limits that hold now, and who is to know what they do. */
export interface Limits {
  readonly now: readonly CallLimit[];
  /** A limit lets a call wait, or refuses it. */
  held?(what: 'waited' | 'limited', call: Call, limit: CallLimit): void;
  /** Which limit it is that has refused a call, and who has set it. */
  describe?(limit: CallLimit): LimitedBy | undefined;
}

/** Ends a call that this client does not start: settles its gates, and rejects with an error that says where its time went. */
export type Refuse = (call: Call, error: RpcError) => Promise<never>;

/**
 * Lets calls pass that every limit lets pass, in their order. A call that passes at once is forwarded at once: no promise is
 * made for it.
 *
 * The innermost limit comes first: a call that waits for its method's limit, or is refused by it, has taken nothing from the
 * limits that all methods share. Which limits there are is asked for each call, since rules may change it. When an outer limit refuses it, what it took is given back.
 */
export function admission(source: Limits, refuse: Refuse): Layer {
  return (next) => {
    const admitFrom = (limits: readonly CallLimit[], index: number, call: Call): Promise<unknown> => {
      for (let i = index; i < limits.length; i++) {
        const answer = limits[i]!.admit(call);
        if (answer === undefined) continue;
        if (!(answer instanceof Promise)) return refused(limits, i, call, answer);
        source.held?.('waited', call, limits[i]!);
        return answer.then(
          () => admitFrom(limits, i + 1, call),
          (error: RpcError) => refused(limits, i, call, error),
        );
      }
      return next(call);
    };
    const refused = (limits: readonly CallLimit[], index: number, call: Call, error: RpcError): Promise<never> => {
      source.held?.('limited', call, limits[index]!);
      if (error.code === 'RESOURCE_EXHAUSTED') error.limitedBy = source.describe?.(limits[index]!);
      for (let i = index - 1; i >= 0; i--) limits[i]!.giveBack(call);
      return refuse(call, error);
    };
    return (call) => {
      const limits = source.now;
      return limits.length === 0 ? next(call) : admitFrom(limits, 0, call);
    };
  };
}
