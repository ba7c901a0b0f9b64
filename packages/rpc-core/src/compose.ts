import type { Gate, Layer, Service } from './service.js';

/** Composes layers around a service; the first is outermost: it sees the call first and the outcome last. */
export function stack(layers: readonly Layer[], innermost: Service): Service {
  return layers.reduceRight<Service>((next, layer) => layer(next), innermost);
}

/** Several gates as one: entered in order, settled in reverse order. */
export function fuseGates(gates: readonly Gate[]): Required<Gate> {
  const enters = gates.map((gate) => gate.enter?.bind(gate));
  const settles = gates.map((gate) => gate.settle?.bind(gate));
  const entering = enters.flatMap((enter, index) => (enter ? [{ enter, index }] : []));
  const settling = settles.filter((settle) => settle !== undefined).reverse();
  return {
    enter(call) {
      for (let i = 0; i < entering.length; i++) {
        const { enter, index } = entering[i]!;
        const refusal = enter(call);
        if (refusal !== undefined) {
          for (let k = index - 1; k >= 0; k--) settles[k]?.(call, refusal);
          return refusal;
        }
      }
      return undefined;
    },
    settle(call, outcome) {
      for (let i = 0; i < settling.length; i++) settling[i]!(call, outcome);
    },
  };
}
