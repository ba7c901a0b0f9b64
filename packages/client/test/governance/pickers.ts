import type { PickerFactory } from '../../src/picker/picker.js';

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
