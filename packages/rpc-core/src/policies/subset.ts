import { assertFits, assertNumber } from '../check.js';
import type { PolicyDescription } from './description.js';

/** So many instances are all of them. */
const SUBSET_ALL = 10_000;

const OF_BOUNDS = { min: 1, max: 100_000, integer: true };

/** Which part of the instances of a service a client uses. A value that is left out comes from a farther level. */
export interface SubsetOptions {
  /**
   * How many instances, 1 to 10,000; of services that have fewer, all. Less than 12 is seldom enough for some of them to be slow or ill. 10,000, or
   * left out at all levels: all instances.
   */
  readonly size?: number | undefined;
  /**
   * The number of this client among those that use the same services, from 0 on, such as the ordinal of its pod; with `of`. Then the
   * parts are even: hardly any instance has 10 % more clients than the mean. Left out, they are drawn by the client's name, and differ by chance.
   */
  readonly index?: number | undefined;
  /** How many such clients there are, 1 to 100,000. A number that is not up to date makes parts less even, nothing worse. */
  readonly of?: number | undefined;
}

/** Using a part of the instances of a service. */
export const subsetPolicy: PolicyDescription<SubsetOptions> = {
  name: 'subset',
  option: 'subset',
  levels: ['rule', 'service', 'client'],
  applies: 'nearest',
  notBy: {
    call: 'a client has connections to its part for all calls together',
    method: 'a client has connections to its part for all methods together',
    contract: 'how many clients and instances there are is not known where a contract is written',
  },
  isOptIn: true,
  off: { size: SUBSET_ALL },
  rule: 'service',
  check: (where, { index, of }) => {
    if (index === undefined && of === undefined) return;
    assertNumber(where, 'of', of, OF_BOUNDS);
    assertFits(where, 'index', `an integer from 0 to ${of - 1}`, index, index !== undefined && index < of);
  },
  values: {
    size: {
      type: 'number',
      bounds: { min: 1, max: SUBSET_ALL, integer: true },
      text: 'of services with more instances, a client uses so many, always the same ones. 10,000: all. See [subset](governance/subset.md)',
    },
    index: {
      type: 'number',
      bounds: { min: 0, max: OF_BOUNDS.max - 1, integer: true },
      inRule: false,
      text: 'the number of this client among those of its kind, from 0 on, with `of`; left out, parts are drawn by the name of the client, and are less even',
    },
    of: {
      type: 'number',
      bounds: OF_BOUNDS,
      inRule: false,
      text: 'how many such clients there are',
    },
  },
};
