import type { PolicyDescription } from './description.js';

/** The name of a picker that a rule can name, with its usual options. */
export type PickerName =
  | 'p2c'
  | 'leastActive'
  | 'roundRobin'
  | 'weightedRoundRobin'
  | 'random'
  | 'consistentHash'
  | 'localFirst';

const PICKER_NAMES: readonly PickerName[] = [
  'p2c',
  'leastActive',
  'roundRobin',
  'weightedRoundRobin',
  'random',
  'consistentHash',
  'localFirst',
];

/** How nodes are chosen. */
export interface BalancerValues {
  /** Which picker chooses; left out: the one that the client was given. */
  readonly picker?: PickerName | undefined;
}

/** Replacing the picker of a service. */
export const balancerPolicy: PolicyDescription<BalancerValues> = {
  name: 'balancer',
  option: undefined,
  levels: ['rule'],
  applies: 'nearest',
  rule: 'service',
  values: {
    picker: {
      type: 'text',
      oneOf: PICKER_NAMES,
      text: `which [picker](governance/load-balancing.md) chooses the nodes: ${PICKER_NAMES.map((name) => `\`${name}\``).join(', ')}, each with its usual options, or with those that the client has given it`,
    },
  },
};
