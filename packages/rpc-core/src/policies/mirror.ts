import type { PolicyDescription } from './description.js';
import { assertRouteTarget, type RouteTarget } from './route.js';

/** Which calls are copied to other instances, unseen by their callers; values left out stay as they are. */
export interface MirrorOptions {
  /** How many calls of idempotent methods are mirrored, in percent, 0 to 100 (default 100). */
  readonly percent?: number | undefined;
  /** The instances that get the copies: `{ tags: { version: '2' } }`. Default: any. */
  readonly to?: RouteTarget | undefined;
  /** Whether both answers are compared, and the event `mirrored` tells of it (default false). */
  readonly compare?: boolean | undefined;
  /** How many calls are mirrored at a time, 1 to 100,000 (default 100); calls beyond that are not mirrored. */
  readonly maxInFlight?: number | undefined;
}

/** Making calls a second time elsewhere. */
export const mirrorPolicy: PolicyDescription<MirrorOptions> = {
  name: 'mirror',
  option: 'mirror',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  inCall: 'off',
  applies: 'nearest',
  isOptIn: true,
  off: { percent: 0 },
  notBy: { call: 'whoever wants a call made twice makes two; it can stay out of the mirror' },
  rule: 'values',
  values: {
    percent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 100,
      inRule: 'callPercent',
      text: 'so many of the calls of idempotent methods are made a second time, without their callers. See [mirror](governance/mirror.md)',
    },
    to: {
      type: 'any',
      check: assertRouteTarget,
      defaultText: 'any',
      text: 'the instances that get them: `{ tags, zone, instances }`',
    },
    compare: { type: 'boolean', default: false, text: 'both answers are compared, and told by the event `mirrored`' },
    maxInFlight: {
      type: 'number',
      bounds: { min: 1, max: 100_000, integer: true },
      default: 100,
      text: 'calls that are mirrored at a time; beyond, none is',
    },
  },
};
