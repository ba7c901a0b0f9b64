import {
  assertBoolean,
  assertFits,
  assertKnownOptions,
  assertNumber,
  assertObject,
  type NumberBounds,
} from '../check.js';

/**
 * Where a policy may be given, the nearest to the call first. `rule` is a document of rules in the registry, `contract` the
 * definition of a method.
 */
export type PolicyLevel = 'call' | 'rule' | 'method' | 'service' | 'contract' | 'client';

/** The longest text in a rule, in characters. */
export const RULE_TEXT_MAX = 500;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for; line breaks and tabs are text.
const CONTROL_PATTERN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** Whether a text has no control characters besides line breaks and tabs. */
export function isPlainText(text: string): boolean {
  return !CONTROL_PATTERN.test(text);
}

/** One value that a policy takes. */
export interface ValueDescription {
  readonly type: 'number' | 'boolean' | 'text' | 'function' | 'any';
  /** The bounds of a number. */
  readonly bounds?: NumberBounds | undefined;
  /** The allowed values of a text; left out: any text. */
  readonly oneOf?: readonly string[] | undefined;
  /** Checks a value of any type. @throws TypeError naming its path */
  readonly check?: ((where: string, path: string, value: unknown) => void) | undefined;
  /** Whether it has no default and must be given. */
  readonly isRequired?: boolean | undefined;
  /** The default; a function computes it from the other values. `undefined` leaves it to the policy. */
  readonly default?: number | boolean | ((values: Readonly<Record<string, unknown>>) => number) | undefined;
  /** The default in words, where it is no plain value. */
  readonly defaultText?: string | undefined;
  /** Another value that sets the same thing in another way: if this one is given, the other one is ignored at farther levels. */
  readonly hides?: string | undefined;
  /** What the value means, for the docs. */
  readonly text: string;
  /**
   * Its name in a rule, if its own name means something else there: `percent` is the share of clients that a rule is for. `false`: a rule cannot
   * give it, since it differs from client to client.
   */
  readonly inRule?: string | false | undefined;
  /** Set when the contract of a method can give the value too. */
  readonly inContract?: boolean | undefined;
  /** Set when a stream takes it only from the options of its own method: a value for all methods would end streams too early. */
  readonly ownForStreams?: boolean | undefined;
}

/**
 * The shape of a rule: `values` for all methods and for single ones, `routes` as a list, values for the `service` as a whole,
 * values for single `methods` only, or one value for each of `endpoints`. `server`: as `values`, and for all services of a server together.
 */
export type RuleShape = 'values' | 'routes' | 'service' | 'methods' | 'endpoints' | 'server';

/** The end of a call that a rule is for. */
export type RuleSide = 'client' | 'server';

/**
 * A policy as data: its values, their bounds, and where they may be given. The checks of options, the contents of rules, the
 * folding of levels and the tables in the docs are all made from it.
 */
export interface PolicyDescription<V extends object = object> {
  readonly name: string;
  /** The option that holds its values as an object; `undefined` when each value is an option of its own. */
  readonly option: string | undefined;
  readonly values: { readonly [K in keyof V]-?: ValueDescription };
  readonly levels: readonly PolicyLevel[];
  /** Whether the nearest level counts, or each level that gives it applies. */
  readonly applies: 'nearest' | 'each';
  /** Set where a call may only put the policy off for itself, by `false`. */
  readonly inCall?: 'off' | undefined;
  /** Why it cannot be given at a level, for the docs. */
  readonly notBy?: { readonly [L in PolicyLevel]?: string | undefined } | undefined;
  /** Checks the values that one place gives against each other. @throws TypeError naming them */
  readonly check?: ((where: string, values: Partial<V>) => void) | undefined;
  /** The values that `false` stands for; `undefined` when `false` is refused. */
  readonly off?: Readonly<V> | undefined;
  /** The name of the value that a function, given in place of the values, stands for; `undefined` when a function is refused. */
  readonly ofFunction?: string | undefined;
  /** Whether `true` stands for the defaults; otherwise it is refused. */
  readonly ofTrue?: boolean | undefined;
  /** The name in errors, where it is not that of the option. */
  readonly title?: string | undefined;
  /** Whether the policy is off unless it is given; otherwise its defaults hold. */
  readonly isOptIn?: boolean | undefined;
  readonly rule?: RuleShape | undefined;
  /** Which end of a call does it (default: the client). */
  readonly side?: RuleSide | undefined;
}

/** The values of a policy, known to be an object of options. */
type Values = Readonly<Record<string, unknown>>;

/**
 * Checks the given values, and leaves out those that are `undefined`.
 * @param path - the prefix of each name in errors, as in `retry.`; may be empty
 * @throws TypeError naming value and bound
 */
export function checkValues(
  where: string,
  path: string,
  values: Readonly<Record<string, ValueDescription>>,
  given: Values,
): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [name, description] of Object.entries(values)) {
    const value = given[name];
    if (value === undefined && !description.isRequired) continue;
    assertValue(where, `${path}${name}`, description, value);
    checked[name] = value;
  }
  return checked;
}

function assertValue(
  where: string,
  name: string,
  { type, bounds, oneOf, check }: ValueDescription,
  value: unknown,
): void {
  if (type === 'any') return check?.(where, name, value);
  if (oneOf !== undefined)
    return assertFits(where, name, `one of ${oneOf.join(', ')}`, value, oneOf.includes(value as string));
  if (type === 'number') return assertNumber(where, name, value, bounds);
  if (type === 'boolean') return assertBoolean(where, name, value);
  if (type === 'function') return assertFits(where, name, 'a function', value, typeof value === 'function');
  const fits = typeof value === 'string' && value.length <= RULE_TEXT_MAX && isPlainText(value);
  assertFits(where, name, `text of at most ${RULE_TEXT_MAX} characters without control characters`, value, fits);
}

/**
 * Checks one policy as given in options, without filling in defaults.
 * @returns the given values; `false` for off, `undefined` when not given
 * @throws TypeError that names a wrong or unknown option
 */
export function checkPolicy<V extends object>(
  where: string,
  description: PolicyDescription<V>,
  given: unknown,
): Partial<V> | false | undefined {
  if (given === undefined) return undefined;
  if (given === false && description.off !== undefined) return false;
  if (given === true && description.ofTrue === true) return {};
  const { option, values, title = option, ofFunction } = description;
  const name = `${where}: ${title}`;
  if (ofFunction !== undefined && typeof given === 'function') return { [ofFunction]: given } as Partial<V>;
  assertKnownOptions(name, given as object, Object.keys(values));
  assertObject(where, 'options', given);
  const checked = checkValues(name, '', values as Readonly<Record<string, ValueDescription>>, given) as Partial<V>;
  description.check?.(name, checked);
  return checked;
}

/** Values with every default in place; those without one may still be missing. */
export type Complete<V, Optional extends keyof V = never> = {
  readonly [K in Exclude<keyof V, Optional>]-?: NonNullable<V[K]>;
} & { readonly [K in Optional]: V[K] | undefined };

/** Fills in the defaults of checked values. */
export function completeValues<V extends object>(description: PolicyDescription<V>, given: Partial<V>): Complete<V> {
  const complete: Record<string, unknown> = { ...given };
  for (const [name, value] of Object.entries<ValueDescription>(description.values)) {
    if (complete[name] !== undefined) continue;
    complete[name] = typeof value.default === 'function' ? value.default(complete) : value.default;
  }
  return complete as Complete<V>;
}

/**
 * Checks a policy and fills in its defaults.
 * @throws TypeError that names a wrong or unknown option
 */
export function resolvePolicy<V extends object>(
  where: string,
  description: PolicyDescription<V>,
  given: Readonly<V> | false = {} as V,
): Complete<V> {
  const checked = checkPolicy(where, description, given);
  if (checked === false) return description.off as Complete<V>;
  return completeValues(description, checked ?? {});
}
