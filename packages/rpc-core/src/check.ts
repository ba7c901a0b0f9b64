import { describeValue } from './describe-value.js';
import { nearestName } from './names.js';

/** What a number must be; both bounds are allowed values. */
export interface NumberBounds {
  /** Default: any finite number. */
  readonly min?: number | undefined;
  /** Default: any finite number; `Infinity` lets `Infinity` pass. */
  readonly max?: number | undefined;
  /** Whether fractions are refused (default false). */
  readonly integer?: boolean | undefined;
}

/** What every timeout must be, in milliseconds: Node.js fires a longer timer after 1 ms. */
export const TIMEOUT_BOUNDS = Object.freeze({ min: 1, max: 2 ** 31 - 1 });

/** What every priority must be: one byte on the wire, higher is more important. */
export const PRIORITY_BOUNDS = Object.freeze({ min: 0, max: 255, integer: true });

/**
 * Checks that an options object has only known options, so that a misspelt one is not silently ignored.
 *
 * @param where - the function that was called, for the message: `createClient`
 * @throws TypeError such as `createClient: unknown option "timeout"; did you mean "timeoutMs"?`
 */
export function assertKnownOptions(where: string, options: object, known: readonly string[]): void {
  assertObject(where, 'options', options);
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const nearest = nearestName(option, known);
    const help = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean "${nearest}"?`;
    throw new TypeError(`${where}: unknown option ${describeValue(option)}; ${help}`);
  }
}

/**
 * Checks the event and the listener of a call of `on`.
 * @throws TypeError naming the nearest event of an unknown one, or what a listener must be
 */
export function assertEvent(where: string, event: unknown, listener: unknown, known: readonly string[]): void {
  if (typeof event !== 'string' || !known.includes(event)) {
    const nearest = typeof event === 'string' ? nearestName(event, known) : undefined;
    const help = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean "${nearest}"?`;
    throw new TypeError(`${where}: there is no event ${describeValue(event)}; ${help}`);
  }
  assertFits(where, 'the listener', 'a function', listener, typeof listener === 'function');
}

/**
 * Checks a number. `undefined` is refused too: ask only for options that were given.
 * @throws TypeError that names option, bounds and value
 */
export function assertNumber(
  where: string,
  name: string,
  value: unknown,
  bounds: NumberBounds = {},
): asserts value is number {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE, integer = false } = bounds;
  const fits = typeof value === 'number' && value >= min && value <= max && (!integer || Number.isInteger(value));
  if (fits) return;
  const kind = integer ? 'an integer' : 'a number';
  throw new TypeError(`${where}: ${name} must be ${kind}${describeBounds(bounds)}, got ${describeValue(value)}`);
}

/**
 * Checks a value by the caller's own rule.
 * @param what - what it must be, for the message: `an AbortSignal`
 * @throws TypeError that names option, rule and value
 */
export function assertFits(where: string, name: string, what: string, value: unknown, fits: boolean): void {
  if (!fits) throw new TypeError(`${where}: ${name} must be ${what}, got ${describeValue(value)}`);
}

/**
 * Checks that a value is a list, if one was given, and checks each element.
 * @throws TypeError that names option, rule and wrong element
 */
export function assertList(
  where: string,
  name: string,
  what: string,
  value: unknown,
  fits: (element: unknown) => boolean,
): void {
  if (value === undefined) return;
  assertFits(where, name, `a list of ${what}`, value, Array.isArray(value));
  (value as readonly unknown[]).forEach((element, index) => {
    assertFits(where, `${name}[${index}]`, `one of ${what}`, element, fits(element));
  });
}

/** @throws TypeError that names option and value */
export function assertBoolean(where: string, name: string, value: unknown): asserts value is boolean {
  if (typeof value === 'boolean') return;
  throw new TypeError(`${where}: ${name} must be true or false, got ${describeValue(value)}`);
}

/** Checks that a value is an object: not null, not an array and not a function. */
export function assertObject(where: string, name: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new TypeError(`${where}: ${name} must be an object, got ${describeValue(value)}`);
}

function describeBounds({ min, max }: NumberBounds): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}
