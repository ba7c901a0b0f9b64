import type { PolicyDescription } from './description.js';

/** The weight of an endpoint. */
export interface WeightValues {
  /** Its share of the traffic relative to the others, 0 to 10,000. */
  readonly weight?: number | undefined;
}

/** Replacing the weights that servers have registered with. */
export const weightPolicy: PolicyDescription<WeightValues> = {
  name: 'weight',
  option: undefined,
  levels: ['rule'],
  applies: 'nearest',
  rule: 'endpoints',
  values: {
    weight: {
      type: 'number',
      bounds: { min: 0, max: 10_000 },
      text: 'replaces the weight in the registry; the id of an instance goes before its address. 0: no calls, unless all others are gone',
    },
  },
};
