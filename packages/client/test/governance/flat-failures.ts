import type { Call } from '@org/rpc-core';
import { p2c } from '../../src/picker/p2c.js';
import type { PickerFactory, PickerNode } from '../../src/picker/picker.js';

/**
 * The picker with failures as their load had them once: each weighs five seconds on its node, whatever is usual there. A control
 * for what the shipped one is spared.
 */
export function flatFailures(): { readonly picker: PickerFactory; failed(call: Call): void } {
  const failedAt = new Map<string, number>();
  let now = 0;
  const shipped = p2c();
  return {
    failed(call) {
      if (call.destination !== undefined) failedAt.set(call.destination.address, now);
    },
    picker: {
      name: 'flat',
      create(nodes, environment) {
        const picker = shipped.create(
          nodes.map((node) =>
            withCost(node, (at) => {
              const ageMs = at - (failedAt.get(node.address) ?? Number.NEGATIVE_INFINITY);
              return 5_000 * Math.exp(-ageMs / 10_000) * (node.load.inFlight + 1);
            }),
          ),
          environment,
        );
        return {
          pick(call, at) {
            now = at;
            const picked = picker.pick(call, at);
            return nodes.find(({ address }) => address === picked?.address);
          },
        };
      },
    },
  };
}

/** The same node with something added to its cost. */
function withCost<N extends PickerNode>(node: N, added: (now: number) => number): PickerNode {
  const { load } = node;
  const heavier = {
    cost: (now: number, call?: Call) => Math.max(load.cost(now, call), added(now)),
    share: (now: number) => load.share(now),
    usualMaxMs: Number.NaN,
    timesSlower: () => 1,
    get inFlight() {
      return load.inFlight;
    },
  };
  return {
    address: node.address,
    endpoint: node.endpoint,
    load: heavier as unknown as PickerNode['load'],
    status: (call, now) => node.status(call, now),
    takeProbe: (call, now) => node.takeProbe(call, now),
  };
}
