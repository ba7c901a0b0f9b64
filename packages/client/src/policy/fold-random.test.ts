import assert from 'node:assert/strict';
import type { Random } from '@org/rpc-core';
import { checkPolicyOptions, type PolicyDescription, parseRules } from '@org/rpc-core/internal';
import { seededRandom } from '@org/rpc-testkit';
import { checkedOptions } from '../face/call-options.js';
import { activeRules } from './active-rules.js';
import { FOLDED, foldForCall, foldPolicies } from './fold.js';

type Policy = PolicyDescription<Record<string, unknown>>;
type Value = Policy['values'][string];
/** What a level says of a policy, as a user writes it. */
type Said = object | boolean | undefined;

const LEVELS = ['call', 'ruleOfMethod', 'rule', 'method', 'service', 'contract', 'client'] as const;
type Level = (typeof LEVELS)[number];

const FOLDED_ONES = Object.values(FOLDED) as unknown as Policy[];
/** These count for the calls of a stream where a value is for streams only if it is said of their own method. */
const OWN: readonly Level[] = ['call', 'ruleOfMethod', 'method', 'contract'];

function one<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)]!;
}

/** A legal value. */
function someValue(random: Random, { type, bounds, oneOf, check }: Value): unknown {
  if (oneOf !== undefined) return one(random, oneOf);
  if (type === 'boolean') return random() < 0.5;
  if (type === 'function') return () => undefined;
  if (check !== undefined) return { zone: one(random, ['a', 'b']) };
  if (type !== 'number') return one<unknown>(random, ['text', 7, null, []]);
  const { min = 0, max = 100, integer } = bounds ?? {};
  const value = random() < 0.2 ? one(random, [min, max]) : min + random() * Math.min(max - min, 1_000);
  return integer ? Math.floor(value) : value;
}

/** The values that were said somewhere. */
const TRIED = new Set<string>();

/** What a level says of a policy, if it may say anything. */
function someSaid(random: Random, policy: Policy, level: Level): Said {
  const isRule = level.startsWith('rule');
  const may =
    policy.levels.includes(isRule ? 'rule' : (level as 'call')) && (level !== 'call' || policy.option !== undefined);
  if (!may || random() < 0.45) return undefined;
  if (level === 'call' && policy.inCall === 'off') return false;
  if (!isRule && policy.off !== undefined && random() < 0.2) return false;
  if (!isRule && policy.ofTrue && random() < 0.2) return true;
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(policy.values)) {
    if ((isRule && value.type === 'function') || (level === 'contract' && !value.inContract)) continue;
    if (random() >= 0.35) continue;
    values[name] = someValue(random, value);
    TRIED.add(`${policy.name}.${name} of a ${level}`);
  }
  return values;
}

/** What holds, found in another way than the client does: value by value. */
function expected(
  policy: Policy,
  said: Readonly<Record<Level, Said>>,
  levels: readonly Level[],
  isStream: boolean,
): object {
  const off = levels.findIndex((level) => said[level] === false);
  const heard = (off < 0 ? levels : levels.slice(0, off)).filter((level) => said[level] !== undefined);
  const counts = (level: Level, name: string): boolean =>
    (said[level] as Record<string, unknown>)[name] !== undefined &&
    (!isStream || !policy.values[name]!.ownForStreams || OWN.includes(level));
  const names = Object.keys(policy.values);
  // The rule of all methods says nothing of a policy as long as it names no value: it may be there for other methods.
  const isAsked = heard.some((level) => level !== 'rule' || names.some((name) => counts(level, name)));
  const isOff = !isAsked && (off >= 0 || policy.isOptIn === true);
  const found: Record<string, unknown> = {};
  for (const name of names) {
    const other = policy.values[name]!.hides;
    // The nearest that says either of two ways to say the same decides on both.
    const level = heard.find((each) => counts(each, name) || (other !== undefined && counts(each, other)));
    if (!isOff && level !== undefined && counts(level, name))
      found[name] = (said[level] as Record<string, unknown>)[name];
  }
  if (isOff) Object.assign(found, policy.off);
  else if (isStream)
    for (const name of names) if (policy.values[name]!.ownForStreams) found[name] ??= Number.POSITIVE_INFINITY;
  for (const name of names) {
    const { default: otherwise } = policy.values[name]!;
    if (found[name] === undefined) found[name] = typeof otherwise === 'function' ? otherwise(found) : otherwise;
  }
  return found;
}

/** The options of a level, as they are given to a client. */
function optionsOf(said: ReadonlyMap<Policy, Readonly<Record<Level, Said>>>, level: Level): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [{ option }, { [level]: each }] of said) {
    if (each === undefined) continue;
    if (option !== undefined) options[option] = each;
    else Object.assign(options, each);
  }
  return options;
}

/** A document of rules that says the same. */
function documentOf(
  said: ReadonlyMap<Policy, Readonly<Record<Level, Said>>>,
  modes: ReadonlyMap<Policy, string>,
): string {
  const document: Record<string, unknown> = { schemaVersion: 1, version: 1 };
  const renamed = ({ values }: Policy, each: Said): object =>
    Object.fromEntries(Object.entries(each ?? {}).map(([name, value]) => [values[name]!.inRule ?? name, value]));
  for (const [policy, { rule, ruleOfMethod }] of said) {
    if (policy.rule === undefined) continue;
    const methods = { other: {}, ...(ruleOfMethod && { m: renamed(policy, ruleOfMethod) }) };
    document[policy.name] = { mode: modes.get(policy), ...renamed(policy, rule), methods };
  }
  return JSON.stringify(document);
}

/** Tries what so many clients could be told. */
function tryOut(seed: number): void {
  const random = seededRandom(seed);
  const isStream = random() < 0.2;
  const said = new Map<Policy, Record<Level, Said>>();
  const modes = new Map<Policy, string>();
  for (const policy of FOLDED_ONES) {
    const each = LEVELS.map((level) => [level, someSaid(random, policy, level)]);
    said.set(policy, Object.fromEntries(each) as Record<Level, Said>);
    modes.set(policy, one(random, ['on', 'on', 'dark', 'off']));
  }
  const rules = activeRules(parseRules(documentOf(said, modes)), 'me', 's');
  const sources = (['method', 'service', 'contract', 'client'] as const).map((level) => {
    const options = optionsOf(said, level);
    const checked = level === 'contract' ? options : checkPolicyOptions('test', level, options);
    return { options: checked, isOwn: level === 'method' || level === 'contract' };
  });
  const of = { service: 's', method: 'm', isStream, sources };
  const folded = foldPolicies(of, rules) as unknown as Readonly<Record<string, object>>;
  const own = foldForCall(checkedOptions(optionsOf(said, 'call')), of, rules) as unknown as typeof folded | undefined;
  for (const [policy, each] of said) {
    const { name } = policy;
    const levels = LEVELS.filter((level) => !level.startsWith('rule') || modes.get(policy) === 'on');
    const behind = levels.filter((level) => level !== 'call');
    const what = `seed ${seed}: ${name} ${modes.get(policy)} ${JSON.stringify(each)}`;
    assert.deepEqual({ ...folded[name] }, expected(policy, each, behind, isStream), what);
    if (each.call === undefined) assert.equal(own?.[name], undefined, what);
    else assert.deepEqual({ ...own?.[name] }, expected(policy, each, levels, isStream), `${what}, of the call`);
  }
}

describe('what holds for a method and a call', () => {
  it('is what another way of finding it says, whatever clients, services, methods, calls and rules say', () => {
    for (let seed = 1; seed <= 150; seed++) tryOut(seed);
    // Every value at each place where it may stand.
    for (const { name, values, levels, inCall, option } of FOLDED_ONES)
      for (const level of LEVELS)
        for (const [value, { type, inContract }] of Object.entries(values)) {
          const isRule = level.startsWith('rule');
          if (!levels.includes(isRule ? 'rule' : (level as 'call')) || (isRule && type === 'function')) continue;
          if (level === 'call' && (inCall === 'off' || option === undefined)) continue;
          if (level === 'contract' && !inContract) continue;
          assert.ok(TRIED.has(`${name}.${value} of a ${level}`), `${name}.${value} of a ${level} was never said`);
        }
  });
});
