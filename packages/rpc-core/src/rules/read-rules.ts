import { assertFits, assertKnownOptions, assertNumber, assertObject } from '../check.js';
import { assertName, isReservedMethodName } from '../names.js';
import { checkValues, isPlainText, RULE_TEXT_MAX } from '../policies/description.js';
import { type AnyPolicy, POLICIES } from '../policies/policies.js';
import { readJson } from './read-json.js';
import { readRoutes } from './read-routes.js';
import { RULE_POLICIES, type RulePolicy, type RuleScope, type RulesDocument } from './rules-document.js';

/** The longest document, in bytes of its JSON. */
export const RULES_BYTES_MAX = 64 * 1024;

const VERSION_BOUNDS = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
/** What a `Date` can be. */
const TIME_BOUNDS = { min: 0, max: 8.64e15, integer: true };
const PERCENT_BOUNDS = { min: 0, max: 100 };
const DEPTH_MAX = 8;
const ENTRIES_MAX = 1_000;
const ENDPOINT_LENGTH_MAX = 300;

/**
 * Reads the JSON of a document of rules, as a registry holds it. All of it must be valid: nobody meant half of a document.
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
  const known = ['schemaVersion', 'version', 'comment', 'setAt', 'setBy', ...RULE_POLICIES];
  const document = readObject(where, 'the document', value, known);
  const { schemaVersion, version, comment, setAt, setBy } = document;
  assertFits(where, 'schemaVersion', '1, the one that this version knows', schemaVersion, schemaVersion === 1);
  assertNumber(where, 'version', version, VERSION_BOUNDS);
  const rules: Record<string, unknown> = { schemaVersion, version };
  if (comment !== undefined) rules['comment'] = readText(where, 'comment', comment);
  if (setAt !== undefined) {
    assertNumber(where, 'setAt', setAt, TIME_BOUNDS);
    rules['setAt'] = setAt;
  }
  if (setBy !== undefined) rules['setBy'] = readText(where, 'setBy', setBy);
  for (const policy of RULE_POLICIES) {
    if (document[policy] !== undefined)
      rules[policy] = Object.freeze(readRule(where, byName(policy), document[policy]));
  }
  return Object.freeze(rules) as unknown as RulesDocument;
}

function byName(policy: RulePolicy): AnyPolicy {
  return POLICIES[policy] as unknown as AnyPolicy;
}

const SCOPE = ['mode', 'percent'];

/** Reads the rule of one policy, in the shape that its description gives. */
function readRule(where: string, { name: path, values: all, rule: shape }: AnyPolicy, value: unknown): object {
  const values = inRule(all, shape);
  const names = Object.keys(values);
  if (shape === 'endpoints') {
    const rule = readObject(where, path, value, [...SCOPE, 'endpoints']);
    const [only] = names;
    const endpoints = readEntries(where, `${path}.endpoints`, rule['endpoints'], (name, each) => {
      assertNumber(where, name, each, values[only!]!.bounds);
      return each;
    });
    return { ...readScope(where, path, rule), endpoints };
  }
  if (shape === 'routes') {
    const rule = readObject(where, path, value, [...SCOPE, 'routes']);
    return { ...readScope(where, path, rule), routes: readRoutes(where, `${path}.routes`, rule['routes']) };
  }
  const ofAll = shape === 'methods' ? [] : names;
  const ofMethods = shape === 'service' ? [] : ['methods'];
  const ofServer = shape === 'server' ? ['server'] : [];
  const rule = readObject(where, path, value, [...SCOPE, ...ofAll, ...ofMethods, ...ofServer]);
  const said = shape === 'methods' ? {} : checkValues(where, `${path}.`, values, rule);
  if (shape === 'service') return { ...readScope(where, path, rule), ...said };
  const read = (name: string, each: unknown): object =>
    checkValues(where, `${name}.`, values, readObject(where, name, each, names));
  const methods = readMethods(where, path, rule['methods'], read);
  const server = rule['server'] === undefined ? {} : { server: read(`${path}.server`, rule['server']) };
  return { ...readScope(where, path, rule), ...said, methods, ...server };
}

/** The values by their names in rules. Values that a rule leaves out stay as in the options, even required ones. */
function inRule(all: AnyPolicy['values'], shape: AnyPolicy['rule']): AnyPolicy['values'] {
  const entries = Object.entries(all).flatMap(([name, value]) => {
    const { inRule: nameInRule = name } = value;
    const isRequired = value.isRequired === true && shape !== 'values' && shape !== 'server';
    return nameInRule === false ? [] : [[nameInRule, { ...value, isRequired }] as const];
  });
  return Object.fromEntries(entries);
}

function readScope(where: string, path: string, rule: Readonly<Record<string, unknown>>): RuleScope {
  const { mode, percent = 100 } = rule;
  const isMode = mode === 'off' || mode === 'dark' || mode === 'on';
  assertFits(where, `${path}.mode`, '"off", "dark" or "on"', mode, isMode);
  assertNumber(where, `${path}.percent`, percent, PERCENT_BOUNDS);
  // Decimals are counted in the text, because the number itself is only an approximation.
  const hasTwo = /^\d+(\.\d{1,2})?$/.test(String(percent));
  assertFits(where, `${path}.percent`, 'a number with at most two decimals', percent, hasTwo);
  return { mode: mode as RuleScope['mode'], percent };
}

function readMethods<T>(where: string, path: string, value: unknown, read: (name: string, each: unknown) => T) {
  return readEntries(where, `${path}.methods`, value, (name, each, method) => {
    assertName(`${where}: a name in ${path}.methods`, method);
    assertFits(where, `a name in ${path}.methods`, 'one that a method can have', method, !isReservedMethodName(method));
    return read(name, each);
  });
}

/** Reads a map by names. The result has no prototype, so that a name such as `toString` finds nothing. */
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
    const isPlain = fits && isPlainText(name);
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
  const fits = typeof value === 'string' && value.length <= RULE_TEXT_MAX && isPlainText(value);
  assertFits(where, path, `text of at most ${RULE_TEXT_MAX} characters without control characters`, value, fits);
  return value as string;
}
