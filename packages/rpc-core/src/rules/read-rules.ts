import { assertBoolean, assertFits, assertKnownOptions, assertNumber, assertObject, TIMEOUT_BOUNDS } from '../check.js';
import { assertName, isReservedMethodName } from '../names.js';
import { readJson } from './read-json.js';
import {
  type MethodSwitch,
  type RetryValues,
  RULE_POLICIES,
  type RuleScope,
  type RulesDocument,
  type TimeoutValues,
} from './rules-document.js';

/** The longest document, in bytes of its JSON. */
export const RULES_BYTES_MAX = 64 * 1024;

/** What retries may be set to. */
const RETRY_BOUNDS = { min: 0, max: 10, integer: true };
/** What a weight may be, as in a registry. */
const WEIGHT_BOUNDS = { min: 0, max: 10_000 };
const VERSION_BOUNDS = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
const PERCENT_BOUNDS = { min: 0, max: 100 };
const DELAY_BOUNDS = { min: 0, max: 2 ** 31 - 1 };
const DEPTH_MAX = 8;
const ENTRIES_MAX = 1_000;
const TEXT_LENGTH_MAX = 500;
const ENDPOINT_LENGTH_MAX = 300;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for; line breaks and tabs are text.
const CONTROL_PATTERN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/**
 * Reads the JSON of a document of rules, as a registry holds it. All of it has to be right, since half of a document is not
 * what anybody meant.
 *
 * @throws TypeError that names the path, the bound and the value: `rules: retry.max must be an integer from 0 to 10, got 11`
 */
export function parseRules(text: string, where = 'rules'): RulesDocument {
  return readRules(readJson(where, text, { bytesMax: RULES_BYTES_MAX, depthMax: DEPTH_MAX }), where);
}

/**
 * Checks a document that has been parsed, and makes an immutable one of it.
 * @throws TypeError as {@link parseRules}
 */
export function readRules(value: unknown, where = 'rules'): RulesDocument {
  const known = ['schemaVersion', 'version', 'comment', ...RULE_POLICIES];
  const document = readObject(where, 'the document', value, known);
  const { schemaVersion, version, comment } = document;
  assertFits(where, 'schemaVersion', '1, the one that this version knows', schemaVersion, schemaVersion === 1);
  assertNumber(where, 'version', version, VERSION_BOUNDS);
  const rules: Record<string, unknown> = { schemaVersion, version };
  if (comment !== undefined) rules['comment'] = readText(where, 'comment', comment);
  for (const policy of RULE_POLICIES) {
    if (document[policy] !== undefined) rules[policy] = Object.freeze(READERS[policy](where, policy, document[policy]));
  }
  return Object.freeze(rules) as unknown as RulesDocument;
}

const SCOPE = ['mode', 'percent'];

/** How the rule of each policy is read. */
const READERS: Readonly<
  Record<(typeof RULE_POLICIES)[number], (where: string, path: string, value: unknown) => object>
> = {
  timeout(where, path, value) {
    const rule = readObject(where, path, value, [...SCOPE, 'timeoutMs', 'attemptTimeoutMs', 'methods']);
    const methods = readMethods(where, path, rule['methods'], (name, each) =>
      readTimeouts(where, name, readObject(where, name, each, ['timeoutMs', 'attemptTimeoutMs'])),
    );
    return { ...readScope(where, path, rule), ...readTimeouts(where, path, rule), methods };
  },
  retry(where, path, value) {
    const rule = readObject(where, path, value, [...SCOPE, 'max', 'methods']);
    const methods = readMethods(where, path, rule['methods'], (name, each) =>
      readRetries(where, name, readObject(where, name, each, ['max'])),
    );
    return { ...readScope(where, path, rule), ...readRetries(where, path, rule), methods };
  },
  weight(where, path, value) {
    const rule = readObject(where, path, value, [...SCOPE, 'endpoints']);
    const endpoints = readEntries(where, `${path}.endpoints`, rule['endpoints'], (name, weight) => {
      assertNumber(where, name, weight, WEIGHT_BOUNDS);
      return weight;
    });
    return { ...readScope(where, path, rule), endpoints };
  },
  switch(where, path, value) {
    const rule = readObject(where, path, value, [...SCOPE, 'methods']);
    return {
      ...readScope(where, path, rule),
      methods: readMethods(where, path, rule['methods'], (name, each) => readSwitch(where, name, each)),
    };
  },
};

function readScope(where: string, path: string, rule: Readonly<Record<string, unknown>>): RuleScope {
  const { mode, percent = 100 } = rule;
  const isMode = mode === 'off' || mode === 'dark' || mode === 'on';
  assertFits(where, `${path}.mode`, '"off", "dark" or "on"', mode, isMode);
  assertNumber(where, `${path}.percent`, percent, PERCENT_BOUNDS);
  // The text tells the decimals, the number only nearly.
  const hasTwo = /^\d+(\.\d{1,2})?$/.test(String(percent));
  assertFits(where, `${path}.percent`, 'a number with at most two decimals', percent, hasTwo);
  return { mode: mode as RuleScope['mode'], percent };
}

function readTimeouts(where: string, path: string, values: Readonly<Record<string, unknown>>): TimeoutValues {
  const { timeoutMs, attemptTimeoutMs } = values;
  if (timeoutMs !== undefined) assertNumber(where, `${path}.timeoutMs`, timeoutMs, TIMEOUT_BOUNDS);
  if (attemptTimeoutMs !== undefined) assertNumber(where, `${path}.attemptTimeoutMs`, attemptTimeoutMs, TIMEOUT_BOUNDS);
  return { ...(timeoutMs !== undefined && { timeoutMs }), ...(attemptTimeoutMs !== undefined && { attemptTimeoutMs }) };
}

function readRetries(where: string, path: string, { max }: Readonly<Record<string, unknown>>): RetryValues {
  if (max === undefined) return {};
  assertNumber(where, `${path}.max`, max, RETRY_BOUNDS);
  return { max };
}

function readSwitch(where: string, path: string, value: unknown): MethodSwitch {
  const { enabled, message, retryAfterMs } = readObject(where, path, value, ['enabled', 'message', 'retryAfterMs']);
  assertBoolean(where, `${path}.enabled`, enabled);
  if (retryAfterMs !== undefined) assertNumber(where, `${path}.retryAfterMs`, retryAfterMs, DELAY_BOUNDS);
  return {
    enabled,
    ...(message !== undefined && { message: readText(where, `${path}.message`, message) }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function readMethods<T>(where: string, path: string, value: unknown, read: (name: string, each: unknown) => T) {
  return readEntries(where, `${path}.methods`, value, (name, each, method) => {
    assertName(`${where}: a name in ${path}.methods`, method);
    assertFits(where, `a name in ${path}.methods`, 'one that a method can have', method, !isReservedMethodName(method));
    return read(name, each);
  });
}

/** Reads a map of names. What comes of it has no prototype, so that no name finds what nobody wrote. */
function readEntries<T>(
  where: string,
  path: string,
  value: unknown,
  read: (path: string, each: unknown, name: string) => T,
): Readonly<Record<string, T>> {
  const entries: Record<string, T> = Object.create(null);
  if (value === undefined) return Object.freeze(entries);
  assertObject(where, path, value);
  const names = Object.keys(value);
  if (names.length > ENTRIES_MAX)
    throw new TypeError(`${where}: ${path} may have at most ${ENTRIES_MAX} entries, got ${names.length}`);
  for (const name of names) {
    const fits = name.length > 0 && name.length <= ENDPOINT_LENGTH_MAX && name !== '__proto__';
    const isPlain = fits && !CONTROL_PATTERN.test(name);
    assertFits(where, `a name in ${path}`, `1 to ${ENDPOINT_LENGTH_MAX} characters of plain text`, name, isPlain);
    entries[name] = read(`${path}.${name}`, value[name], name);
  }
  return Object.freeze(entries);
}

function readObject(where: string, path: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  assertObject(where, path, value);
  assertKnownOptions(path === 'the document' ? where : `${where}: ${path}`, value, known);
  return value;
}

function readText(where: string, path: string, value: unknown): string {
  const fits = typeof value === 'string' && value.length <= TEXT_LENGTH_MAX && !CONTROL_PATTERN.test(value);
  assertFits(where, path, `text of at most ${TEXT_LENGTH_MAX} characters without control characters`, value, fits);
  return value as string;
}
