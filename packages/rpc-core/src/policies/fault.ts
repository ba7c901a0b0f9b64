import { CODE_NUMBERS, type Code } from '../code.js';
import type { PolicyDescription } from './description.js';

/** Faults injected into calls on purpose, to see how callers cope; values left out stay as they are. */
export interface FaultOptions {
  /** How much later calls begin, in milliseconds, 0 to 3,600,000 (default 0). */
  readonly delayMs?: number | undefined;
  /** How many calls are delayed, in percent, 0 to 100 (default 100). */
  readonly delayPercent?: number | undefined;
  /** How many calls fail with `code` and are not sent, in percent, 0 to 100 (default 0). */
  readonly errorPercent?: number | undefined;
  /** Default `UNAVAILABLE`. */
  readonly code?: Code | undefined;
  /** How many calls are never answered and not sent, in percent, 0 to 100 (default 0). */
  readonly dropPercent?: number | undefined;
}

/** Faults on purpose. */
export const faultPolicy: PolicyDescription<FaultOptions> = {
  name: 'fault',
  option: 'fault',
  levels: ['call', 'rule', 'method', 'service', 'client'],
  inCall: 'off',
  applies: 'nearest',
  isOptIn: true,
  notBy: { call: 'faults show how those cope who know nothing of them; a call can stay out of them' },
  off: { delayMs: 0, errorPercent: 0, dropPercent: 0 },
  rule: 'values',
  values: {
    delayMs: {
      type: 'number',
      bounds: { min: 0, max: 3_600_000 },
      default: 0,
      text: 'calls begin so much later, on purpose. See [faults on purpose](governance/fault.md)',
    },
    delayPercent: { type: 'number', bounds: { min: 0, max: 100 }, default: 100, text: 'of how many calls' },
    errorPercent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 0,
      text: 'so many of the calls fail with `code`, and are not sent',
    },
    code: {
      type: 'text',
      oneOf: Object.keys(CODE_NUMBERS),
      defaultText: '`UNAVAILABLE`',
      text: 'what these fail with',
    },
    dropPercent: {
      type: 'number',
      bounds: { min: 0, max: 100 },
      default: 0,
      text: 'so many of the calls are never answered, and not sent',
    },
  },
};
