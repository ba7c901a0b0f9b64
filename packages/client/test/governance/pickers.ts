import { p2c } from '../../src/picker/p2c.js';
import type { PickerEnvironment, PickerFactory, PickerNode } from '../../src/picker/picker.js';

/** Any node, whatever is known of it: what the others are measured against. */
export function blind(): PickerFactory {
  return {
    name: 'blind',
    create: (nodes, { random }) => ({ pick: () => nodes[Math.floor(random() * nodes.length)] }),
  };
}

/** Of two nodes the less busy one, whatever it answers. */
export function leastBusy(): PickerFactory {
  return {
    name: 'leastBusy',
    create: (nodes, { random }) => ({
      pick() {
        const [a, b] = [0, 1].map(() => nodes[Math.floor(random() * nodes.length)]!);
        return a!.load.inFlight <= b!.load.inFlight ? a : b;
      },
    }),
  };
}

/** Of two nodes the one with the lower load, however much longer its answers take. */
export function byLoadAlone(): PickerFactory {
  return {
    name: 'byLoadAlone',
    create: (nodes, { random }) => ({
      pick(_call, now) {
        const first = Math.floor(random() * nodes.length);
        const a = nodes[first]!;
        const b = nodes[(first + 1 + Math.floor(random() * (nodes.length - 1))) % nodes.length]!;
        return a.load.cost(now) <= b.load.cost(now) ? a : b;
      },
    }),
  };
}

/** The faster of two, by however little. */
export function fastest(): PickerFactory {
  return {
    name: 'fastest',
    create: (nodes, { random }) => ({
      pick(_call, now) {
        const [a, b] = [0, 1].map(() => nodes[Math.floor(random() * nodes.length)]!);
        return a!.load.estimateMs(now) <= b!.load.estimateMs(now) ? a : b;
      },
    }),
  };
}

/** The shipped picker without trial calls: what failed is given none until chance or need leads one there. */
export function withoutTrials(): PickerFactory {
  return {
    name: 'withoutTrials',
    create: (nodes, environment) =>
      p2c().create(nodes, {
        ...{ random: environment.random, clock: environment.clock, zone: environment.zone },
        get inFlight() {
          return environment.inFlight;
        },
        ...{ probing: new Set<PickerNode>(), mayTry: false, earnTrial: () => {}, spendTrial: () => {} },
        avoided: (call) => environment.avoided(call),
      } satisfies PickerEnvironment),
  };
}

/** A node that has failed is left alone for so long, and then makes up for what it has missed: of the others, whoever has had the fewest calls. */
export function makingUp(aloneMs: number): PickerFactory {
  return {
    name: 'makingUp',
    watches: true,
    create: (nodes, { random }) => {
      const calls = new Map(nodes.map((node) => [node, random()]));
      const aloneUntil = new Map<PickerNode, number>();
      return {
        pick(_call, now) {
          const cost = (node: PickerNode): number =>
            (now < (aloneUntil.get(node) ?? 0) ? 1e9 : 0) + calls.get(node as (typeof nodes)[number])!;
          const picked = nodes.reduce((least, node) => (cost(node) < cost(least) ? node : least));
          calls.set(picked, calls.get(picked)! + 1);
          return picked;
        },
        settled(node, _latencyMs, kind, now) {
          if (kind === 'failure') aloneUntil.set(node, now + aloneMs);
        },
      };
    },
  };
}
