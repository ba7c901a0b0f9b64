import type { Call, Layer, RpcError } from '@org/rpc-core';

/** A limit that a call must pass before it starts. */
export interface CallLimit {
  /**
   * `undefined` lets the call pass at once, an error refuses it, and a promise lets it pass when it resolves or refuses it
   * when it rejects with an {@link RpcError}.
   */
  admit(call: Call): undefined | RpcError | Promise<void>;
}

/**
 * Lets calls pass that every limit lets pass, in their order. A call that passes at once is forwarded at once: no promise is
 * made for it.
 */
export function admission(limits: readonly CallLimit[]): Layer {
  return (next) => {
    const admitFrom = (index: number, call: Call): Promise<unknown> => {
      for (let i = index; i < limits.length; i++) {
        const answer = limits[i]!.admit(call);
        if (answer === undefined) continue;
        if (!(answer instanceof Promise)) return refuse(call, answer);
        return answer.then(
          () => admitFrom(i + 1, call),
          (error: RpcError) => refuse(call, error),
        );
      }
      return next(call);
    };
    return limits.length === 0 ? next : (call) => admitFrom(0, call);
  };
}

/** Ends a call that this client does not start: settles its gates and rejects. */
export function refuse(call: Call, error: RpcError): Promise<never> {
  error.service ??= call.service;
  error.method ??= call.method;
  call.settleCall(error);
  return Promise.reject(error);
}
