import assert from 'node:assert/strict';
import { parseRules, RULES_BYTES_MAX, readRules } from './read-rules.js';

const FULL = {
  schemaVersion: 1,
  version: 12,
  comment: 'ada: the ledger is slow',
  setAt: 1_790_000_000_000,
  setBy: 'ada@ops-1',
  timeout: { mode: 'on', percent: 100, timeoutMs: 200, attemptTimeoutMs: 80, methods: { sum: { timeoutMs: 50 } } },
  retry: { mode: 'dark', percent: 25.25, max: 1, methods: { charge: { max: 0 } } },
  weight: { mode: 'on', percent: 100, endpoints: { '10.0.0.7:4399': 10, 'instance-id': 0 } },
  switch: {
    mode: 'off',
    percent: 0,
    methods: { charge: { enabled: false, message: 'stopped', retryAfterMs: 60_000 }, sum: { enabled: true } },
  },
};

/** A document with one rule of its own. */
function withRule(policy: string, rule: unknown): object {
  return { schemaVersion: 1, version: 1, [policy]: rule };
}

function problemOf(document: unknown): string {
  try {
    readRules(document);
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return error.message;
  }
  return 'none';
}

describe('readRules()', () => {
  it('takes a document with everything', () => {
    assert.deepEqual(JSON.parse(JSON.stringify(readRules(FULL))), FULL);
  });

  it('takes the smallest document, and a rule for everybody who says no share', () => {
    assert.deepEqual({ ...readRules({ schemaVersion: 1, version: 1 }) }, { schemaVersion: 1, version: 1 });
    assert.equal(readRules(withRule('retry', { mode: 'on', max: 0 })).retry?.percent, 100);
  });

  it('gives what nobody can change', () => {
    const rules = readRules(FULL);
    for (const part of [rules, rules.timeout, rules.timeout?.methods, rules.weight?.endpoints])
      assert.ok(Object.isFrozen(part));
  });

  it('gives methods and endpoints that have nothing but what was written', () => {
    const { timeout, weight } = readRules(FULL);
    assert.equal(timeout?.methods['constructor'], undefined);
    assert.equal(weight?.endpoints['toString'], undefined);
  });

  const WRONG: Readonly<Record<string, readonly [document: unknown, problem: RegExp]>> = {
    'no object': [[], /^rules: the document must be an object/],
    nothing: [null, /^rules: the document must be an object, got null/],
    'an unknown field': [{ ...FULL, timeouts: {} }, /^rules: unknown option "timeouts"; did you mean "timeout"\?$/],
    'no schema': [{ version: 1 }, /^rules: schemaVersion must be 1, the one that this version knows, got undefined/],
    'another schema': [{ ...FULL, schemaVersion: 2 }, /schemaVersion must be 1, .*got 2/],
    'no version': [{ schemaVersion: 1 }, /^rules: version must be an integer from 1 to \d+, got undefined/],
    'half a version': [{ ...FULL, version: 1.5 }, /version must be an integer/],
    'a long comment': [{ ...FULL, comment: 'x'.repeat(501) }, /^rules: comment must be text of at most 500 characters/],
    'a comment that rings': [{ ...FULL, comment: '\u0007' }, /comment must be text/],
    'a rule that is none': [withRule('retry', 3), /^rules: retry must be an object, got 3/],
    'no mode': [withRule('retry', { max: 1 }), /^rules: retry\.mode must be "off", "dark" or "on", got undefined/],
    'another mode': [withRule('retry', { mode: 'ON' }), /retry\.mode must be "off", "dark" or "on", got "ON"/],
    'more than all': [withRule('retry', { mode: 'on', percent: 101 }), /retry\.percent must be a number from 0 to 100/],
    'less than none': [withRule('retry', { mode: 'on', percent: -1 }), /retry\.percent must be a number from 0 to 100/],
    'three decimals': [withRule('retry', { mode: 'on', percent: 0.125 }), /with at most two decimals, got 0\.125/],
    'no number': [withRule('timeout', { mode: 'on', timeoutMs: '1s' }), /timeout\.timeoutMs must be a number.*"1s"/],
    'no time': [withRule('timeout', { mode: 'on', timeoutMs: 0 }), /timeout\.timeoutMs must be a number from 1 to/],
    'no time of an attempt': [
      withRule('timeout', { mode: 'on', attemptTimeoutMs: 0 }),
      /timeout\.attemptTimeoutMs must/,
    ],
    'a wrong time of a method': [
      withRule('timeout', { mode: 'on', methods: { sum: { timeoutMs: 2 ** 31 } } }),
      /^rules: timeout\.methods\.sum\.timeoutMs must be a number from 1 to 2147483647, got 2147483648$/,
    ],
    'a misspelt field of a method': [
      withRule('timeout', { mode: 'on', methods: { sum: { timeoutMS: 1 } } }),
      /^rules: timeout\.methods\.sum: unknown option "timeoutMS"; did you mean "timeoutMs"\?$/,
    ],
    'too many retries': [
      withRule('retry', { mode: 'on', max: 11 }),
      /^rules: retry\.max must be an integer from 0 to 10/,
    ],
    'half a retry': [withRule('retry', { mode: 'on', methods: { a: { max: 0.5 } } }), /retry\.methods\.a\.max must be/],
    'a method of no name': [
      withRule('retry', { mode: 'on', methods: { 'a b': {} } }),
      /a name in retry\.methods must be/,
    ],
    'a method that cannot be': [withRule('retry', { mode: 'on', methods: { then: {} } }), /one that a method can have/],
    'a heavy weight': [withRule('weight', { mode: 'on', endpoints: { a: 10_001 } }), /weight\.endpoints\.a must be/],
    'no endpoint': [withRule('weight', { mode: 'on', endpoints: { '': 1 } }), /a name in weight\.endpoints must be/],
    'a switch of no position': [
      withRule('switch', { mode: 'on', methods: { a: {} } }),
      /methods\.a\.enabled must be true/,
    ],
    'a long message': [
      withRule('switch', { mode: 'on', methods: { a: { enabled: false, message: 'x'.repeat(501) } } }),
      /switch\.methods\.a\.message must be text of at most 500/,
    ],
    'an endless wait': [
      withRule('switch', { mode: 'on', methods: { a: { enabled: false, retryAfterMs: -1 } } }),
      /switch\.methods\.a\.retryAfterMs must be a number from 0/,
    ],
    'a list of methods': [withRule('retry', { mode: 'on', methods: [] }), /retry\.methods must be an object/],
    'too many endpoints': [
      withRule('weight', {
        mode: 'on',
        endpoints: Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, 1])),
      }),
      /weight\.endpoints may have at most 1000 entries, got 1001/,
    ],
  };
  for (const [what, [document, problem]] of Object.entries(WRONG))
    it(`refuses ${what}, and says where`, () => assert.match(problemOf(document), problem));
});

describe('parseRules()', () => {
  const HOSTILE: Readonly<Record<string, readonly [text: string, problem: RegExp]>> = {
    'an empty value': ['', /rules: it is not JSON: Unexpected end/],
    'a number': ['1', /the document must be an object/],
    'half a document': [JSON.stringify(FULL).slice(0, 100), /it is not JSON/],
    'a byte order mark': [`\uFEFF${JSON.stringify(FULL)}`, /it is not JSON/],
    'UTF-16': [Buffer.from(JSON.stringify(FULL), 'utf16le').toString(), /it is not JSON/],
    'bytes of no text': [Buffer.from([0x1f, 0x8b, 0x08, 0xff]).toString(), /it is not JSON/],
    'what is deep': ['['.repeat(30_000) + ']'.repeat(30_000), /it is deeper than 8 levels/],
    'objects that are deep': [`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`, /it is deeper than 8 levels/],
    'what is huge': [
      JSON.stringify({ ...FULL, comment: 'x'.repeat(RULES_BYTES_MAX) }),
      /it is longer than 65536 bytes/,
    ],
    'what is huge in bytes alone': [JSON.stringify('\u00fc'.repeat(40_000)), /it is longer than 65536 bytes/],
    'a prototype': ['{"schemaVersion":1,"version":1,"__proto__":{"retry":{}}}', /unknown option "__proto__"/],
    'a prototype of the methods': [
      '{"schemaVersion":1,"version":1,"retry":{"mode":"on","methods":{"__proto__":{"max":1}}}}',
      /a name in retry\.methods must be/,
    ],
    'a prototype of the endpoints': [
      '{"schemaVersion":1,"version":1,"weight":{"mode":"on","endpoints":{"__proto__":1}}}',
      /a name in weight\.endpoints must be/,
    ],
    'a constructor': [
      '{"schemaVersion":1,"version":1,"constructor":{"prototype":{"x":1}}}',
      /unknown option "constructor"/,
    ],
    'a key twice': ['{"schemaVersion":1,"version":1,"version":2}', /it has the key "version" twice/],
    'a key twice, once in disguise': [
      '{"schemaVersion":1,"version":1,"v\\u0065rsion" \n : 2}',
      /it has the key "version" twice/,
    ],
    'a key twice, inside': [
      '{"schemaVersion":1,"version":1,"retry":{"mode":"off","max":0,"mode":"on"}}',
      /it has the key "mode" twice/,
    ],
    'a number that is none': ['{"schemaVersion":1,"version":1e999}', /version must be an integer/],
  };
  for (const [what, [text, problem]] of Object.entries(HOSTILE))
    it(`refuses ${what}`, () => {
      assert.throws(() => parseRules(text), problem);
      assert.equal(({} as { x?: number; max?: number }).x, undefined);
    });

  it('takes equal keys and values of different objects, and any text as a value', () => {
    const text =
      '{"schemaVersion":1,"version":1,"comment":"mode \\"a\\": {[","retry":{"mode":"on","methods":{"mode":{"max":1}}}}';
    assert.equal(parseRules(text).comment, 'mode "a": {[');
  });
});
