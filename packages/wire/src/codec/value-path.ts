import { types } from 'node:util';
import { ELEMENT_COSTS, elementCost } from './element-costs.js';
import { isBigintExtension } from './encode-extension.js';
import { isWellFormed } from './encode-string.js';
import { BIGINT_BYTES, errorParts, typedArrayName, typedArrayRow } from './extensions.js';
import { type Dialect, ENCODED_DEPTH } from './unsupported.js';
import { type ValueKind, valueKind } from './value-kind.js';

/** Stops the walk over values that have no end, such as a few objects that refer to each other in 2^60 ways. */
const STEPS = 1_000_000;
/** A longer path is cut in the middle. */
const PATH_LENGTH = 300;

/**
 * Finds what in a value made the encoder fail: walks it again in the encoder's order, with the encoder's rules. Called only
 * after a failure, so that the way without one keeps no path.
 * @param maximumElements - how many elements the encoder allows
 * @param dialect - what the encoder writes
 * @returns a sentence with the path, `$` being the value itself; undefined when this walk finds nothing wrong
 */
export function explainUnsupported(
  value: unknown,
  maximumElements = Number.POSITIVE_INFINITY,
  dialect: Dialect = 'ours',
): string | undefined {
  const walk = { steps: STEPS, elements: maximumElements, maximumElements, dialect, ancestors: [] };
  const found = check(value, { parent: undefined, name: '$' }, walk);
  return found === undefined ? undefined : `value at ${pathText(found.at)} ${found.what}`;
}

/** What a thrown value says of itself; it comes from a getter or proxy of the user's and may be anything at all. */
export function reasonText(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.message}` : String(thrown);
  } catch {
    return 'what was thrown has no text';
  }
}

/** A way to a value, linked upwards: text is made for the one that is at fault. */
interface Step {
  readonly parent: Step | undefined;
  readonly name: string | number;
}

interface Fault {
  readonly at: Step;
  readonly what: string;
}

interface Walk {
  steps: number;
  /** How many elements may still come. */
  elements: number;
  readonly maximumElements: number;
  readonly dialect: Dialect;
  readonly ancestors: object[];
}

function check(value: unknown, at: Step, walk: Walk): Fault | undefined {
  if (--walk.steps < 0) return undefined;
  switch (typeof value) {
    case 'function':
      return { at, what: 'is a function, which MessagePack cannot carry' };
    case 'symbol':
      return { at, what: 'is a symbol, which MessagePack cannot carry' };
    case 'string':
      return isWellFormed(value)
        ? undefined
        : { at, what: 'is a string with half of a surrogate pair, which UTF-8 cannot carry' };
    case 'bigint':
      if (isBigintExtension(value)) walk.elements -= ELEMENT_COSTS.small;
      if (walk.elements < 0) return tooMany(at, walk);
      return BigInt.asIntN(8 * BIGINT_BYTES, value) === value
        ? undefined
        : { at, what: `is a bigint of more than ${BIGINT_BYTES} bytes` };
    case 'object':
      if (value === null) return undefined;
      try {
        return checkObject(value, at, walk);
      } catch (error) {
        return { at, what: `could not be read: ${reasonText(error)}` };
      }
    default:
      return undefined;
  }
}

function checkObject(value: object, at: Step, walk: Walk): Fault | undefined {
  const kind = valueKind(value);
  walk.elements -= elementCost(kind) + places(value, kind);
  if (walk.elements < 0) return tooMany(at, walk);
  switch (kind) {
    case 'array':
      return inside(value, at, walk, (value as unknown[]).length > 0, () => checkArray(value as unknown[], at, walk));
    case 'plain':
      return inside(value, at, walk, Object.keys(value).length > 0, () => checkPlain(value, at, walk));
    case 'map':
      return inside(value, at, walk, (value as Map<unknown, unknown>).size > 0, () =>
        checkMap(value as Map<unknown, unknown>, at, walk),
      );
    case 'set':
      return inside(value, at, walk, (value as Set<unknown>).size > 0, () => checkSet(value as Set<unknown>, at, walk));
    case 'error':
      return inside(value, at, walk, true, () => checkError(value as Error, at, walk));
    case 'date':
      return Number.isNaN((value as Date).getTime()) ? { at, what: 'is an invalid Date' } : undefined;
    case 'typed-array':
      return typedArrayRow(value as ArrayBufferView) === undefined
        ? { at, what: `is a ${typedArrayName(value as ArrayBufferView)}, which this codec cannot carry` }
        : undefined;
    case 'extension':
      return walk.dialect === 'raw'
        ? { at, what: "is an extension, which peers of the old format (textFormat: 'raw') cannot read" }
        : undefined;
    case 'unsupported':
      if (types.isArgumentsObject(value)) return { at, what: 'is `arguments`, which is no array; send [...arguments]' };
      return { at, what: `is ${className(value)}, which MessagePack cannot carry; send a plain object` };
    default:
      return undefined;
  }
}

/** How many places for values it has; those of a plain object are counted as they are read. */
function places(value: object, kind: ValueKind): number {
  if (kind === 'array') return (value as unknown[]).length;
  if (kind === 'map') return 2 * (value as Map<unknown, unknown>).size;
  if (kind === 'set') return (value as Set<unknown>).size;
  return kind === 'error' ? 2 : 0;
}

/** Runs a check of the content with the container among the ancestors, unless it is too deep or its own ancestor. */
function inside(
  value: object,
  at: Step,
  walk: Walk,
  holdsSomething: boolean,
  content: () => Fault | undefined,
): Fault | undefined {
  const { ancestors } = walk;
  const cycle = ancestors.indexOf(value);
  if (cycle >= 0) {
    let target: Step = at;
    for (let up = ancestors.length - cycle; up > 0 && target.parent !== undefined; up--) target = target.parent;
    return { at, what: `refers back to ${pathText(target)}, and MessagePack cannot carry a cycle` };
  }
  if (holdsSomething && ancestors.length >= ENCODED_DEPTH) {
    return { at, what: `is nested deeper than ${ENCODED_DEPTH} levels` };
  }
  ancestors.push(value);
  const found = content();
  ancestors.pop();
  return found;
}

function checkArray(values: readonly unknown[], at: Step, walk: Walk): Fault | undefined {
  for (let i = 0; i < values.length; i++) {
    const found = checkProperty(values, i, at, walk);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkPlain(value: object, at: Step, walk: Walk): Fault | undefined {
  for (const key of Object.keys(value)) {
    const step = { parent: at, name: key };
    if (key === '__proto__') return { at: step, what: 'has the key __proto__, which is refused for safety' };
    if (!isWellFormed(key))
      return { at: step, what: 'has a key with half of a surrogate pair, which UTF-8 cannot carry' };
    const found = checkProperty(value, key, at, walk);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkError(error: Error, at: Step, walk: Walk): Fault | undefined {
  const [name, message] = errorParts(error);
  return check(name, { parent: at, name: 'name' }, walk) ?? check(message, { parent: at, name: 'message' }, walk);
}

/** Reads the property on its own, so that a getter that throws is told by its path. */
function checkProperty(holder: object, name: string | number, at: Step, walk: Walk): Fault | undefined {
  const step = { parent: at, name };
  let value: unknown;
  try {
    value = Reflect.get(holder, name);
  } catch (error) {
    return { at: step, what: `could not be read: ${reasonText(error)}` };
  }
  if (value !== undefined && !Array.isArray(holder)) walk.elements -= 2;
  return walk.elements < 0 ? tooMany(step, walk) : check(value, step, walk);
}

function tooMany(at: Step, { maximumElements }: Walk): Fault {
  const bound = 'maximumElements of msgpack(), limits.messageElements';
  return { at, what: `brings the value to more than ${maximumElements} elements (${bound}); send it in parts` };
}

function checkMap(map: ReadonlyMap<unknown, unknown>, at: Step, walk: Walk): Fault | undefined {
  let i = 0;
  for (const [key, value] of map) {
    const found =
      check(key, { parent: at, name: `<key ${i}>` }, walk) ?? check(value, { parent: at, name: `<value ${i}>` }, walk);
    if (found !== undefined) return found;
    i++;
  }
  return undefined;
}

function checkSet(set: ReadonlySet<unknown>, at: Step, walk: Walk): Fault | undefined {
  let i = 0;
  for (const member of set) {
    const found = check(member, { parent: at, name: `<member ${i}>` }, walk);
    if (found !== undefined) return found;
    i++;
  }
  return undefined;
}

function className(value: object): string {
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an instance of a class';
}

function pathText(at: Step): string {
  const names: string[] = [];
  for (let step: Step | undefined = at; step !== undefined; step = step.parent) names.push(stepText(step));
  const text = names.reverse().join('');
  return text.length <= PATH_LENGTH ? text : `${text.slice(0, PATH_LENGTH / 2)}...${text.slice(-PATH_LENGTH / 2)}`;
}

function stepText({ parent, name }: Step): string {
  if (parent === undefined) return String(name);
  if (typeof name === 'number') return `[${name}]`;
  if (/^<\w+ \d+>$/.test(name)) return name;
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}
