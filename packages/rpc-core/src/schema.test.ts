import assert from 'node:assert/strict';
import * as v from 'valibot';
import * as z from 'zod';
import type { ArgsSchema, Schema } from './contract-types.js';
import { isRpcError, type RpcError } from './error.js';
import { type ValidationDetails, type ValidationIssue, validateArgs, validateResult } from './schema.js';

const WHERE = 'calculator.sum';

/** A schema that runs the given function. */
function scripted(validate: (value: unknown) => unknown): Schema {
  return { '~standard': { version: 1, vendor: 'scripted', validate: validate as never } };
}

function thrown(run: () => unknown): RpcError {
  try {
    run();
  } catch (error) {
    assert.ok(isRpcError(error), String(error));
    return error;
  }
  return assert.fail('was accepted');
}

async function rejected(promise: unknown): Promise<RpcError> {
  assert.ok(promise instanceof Promise);
  const error: unknown = await promise.then(
    () => assert.fail('was accepted'),
    (reason: unknown) => reason,
  );
  assert.ok(isRpcError(error), String(error));
  return error;
}

function issuesOf(error: RpcError): readonly ValidationIssue[] {
  return (error.details as ValidationDetails).issues;
}

function refused(schemas: ArgsSchema, args: readonly unknown[]): RpcError {
  return thrown(() => validateArgs(schemas, args, WHERE));
}

describe('validateArgs', () => {
  describe('with one schema for each argument', () => {
    it('gives what the schemas give, without a promise', () => {
      const schemas = [z.string().transform((text) => text.length), v.number()];
      assert.deepEqual(validateArgs(schemas, ['four', 5], WHERE), [4, 5]);
    });

    it('parses missing trailing arguments as undefined', () => {
      const schemas = [z.string(), z.number().optional(), z.number().default(7)];
      assert.deepEqual(validateArgs(schemas, ['a'], WHERE), ['a', undefined, 7]);
    });

    it('refuses a missing argument that must be there, by its index', () => {
      const error = refused([z.string(), z.number()], ['a']);
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.deepEqual(issuesOf(error), [{ path: [1], message: 'Invalid input: expected number, received undefined' }]);
    });

    it('refuses too many arguments without parsing any, as map() passes to its callback', () => {
      const untouched = scripted(() => assert.fail('was parsed'));
      const error = refused([untouched], ['a', 0, ['a']]);
      assert.deepEqual(issuesOf(error), [{ path: [1], message: 'too many arguments: expected at most 1, got 3' }]);
    });

    it('reports every argument, with the path inside it after its index', () => {
      const user = z.object({ address: z.object({ zips: z.array(z.number()) }) });
      const error = refused([z.number(), user], ['1', { address: { zips: [1, '2'] } }]);
      assert.deepEqual(
        issuesOf(error).map(({ path }) => path),
        [[0], [1, 'address', 'zips', 1]],
      );
    });

    it('takes the path of libraries whose segments are objects', () => {
      const error = refused([v.object({ zip: v.number() })], [{ zip: 'x' }]);
      assert.deepEqual(issuesOf(error)[0]?.path, [0, 'zip']);
    });

    it('says in the message which method, which argument and how many more', () => {
      const error = refused([z.number(), z.object({ zip: z.number() })], [1, { zip: 'x' }]);
      assert.equal(
        error.message,
        'INVALID_ARGUMENT: calculator.sum: invalid arguments: [1].zip: Invalid input: expected number, received string',
      );
      const two = refused([z.number(), z.number()], ['1', '2']);
      assert.match(two.message, / \(and 1 more, see details\.issues\)$/);
    });

    it('says that no handler ran', () => {
      assert.equal(refused([z.number()], ['1']).progress, 'refused');
    });

    it('passes on what a schema throws, which is no mistake of the caller', () => {
      const bug = new Error('bug in a schema');
      const broken = scripted(() => {
        throw bug;
      });
      assert.throws(
        () => validateArgs([broken], [1], WHERE),
        (error) => error === bug,
      );
    });
  });

  describe('with schemas that answer later', () => {
    const later = z.string().refine(async (text) => text !== 'bad', 'is bad');

    it('gives a promise of the values, in order', async () => {
      const given = validateArgs([z.number(), later, z.number()], [1, 'good', 3], WHERE);
      assert.ok(given instanceof Promise);
      assert.deepEqual(await given, [1, 'good', 3]);
    });

    it('reports what was found before and after the wait', async () => {
      const error = await rejected(validateArgs([z.number(), later, z.number()], ['1', 'bad', '3'], WHERE));
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.deepEqual(
        issuesOf(error).map(({ path }) => path),
        [[0], [1], [2]],
      );
      assert.equal(issuesOf(error)[1]?.message, 'is bad');
    });

    it('starts no schema before the last one has answered, so that no rejection is left unhandled', async () => {
      const log: string[] = [];
      const slow = (name: string) =>
        scripted(async (value) => {
          log.push(`${name} starts`);
          await Promise.resolve();
          log.push(`${name} ends`);
          return { value };
        });
      await validateArgs([slow('first'), slow('second')], [1, 2], WHERE);
      assert.deepEqual(log, ['first starts', 'first ends', 'second starts', 'second ends']);
    });

    it('rejects with what a schema rejects with or throws', async () => {
      const bug = new Error('bug in a schema');
      const broken = scripted(() => {
        throw bug;
      });
      await assert.rejects(async () => validateArgs([scripted(() => Promise.reject(bug))], [1], WHERE), bug);
      await assert.rejects(async () => validateArgs([later, broken], ['good', 1], WHERE), bug);
    });

    it('works with one schema for the whole list', async () => {
      const list = z.tuple([later]);
      assert.deepEqual(await validateArgs(list, ['good'], WHERE), ['good']);
      const error = await rejected(validateArgs(list, ['bad'], WHERE));
      assert.deepEqual(issuesOf(error), [{ path: [0], message: 'is bad' }]);
    });
  });

  describe('with one schema for the whole list', () => {
    it('gives what the schema gives, without a promise', () => {
      const tuple = z.tuple([z.string(), z.number().optional()]);
      assert.deepEqual(validateArgs(tuple, ['a'], WHERE), ['a']);
      assert.deepEqual(validateArgs(z.array(z.number()), [1, 2, 3], WHERE), [1, 2, 3]);
    });

    it('takes the index of the argument from the path of the schema', () => {
      const error = refused(v.tuple([v.string(), v.object({ zip: v.number() })]), ['a', { zip: 'x' }]);
      assert.deepEqual(issuesOf(error)[0]?.path, [1, 'zip']);
      assert.match(error.message, /: \[1\]\.zip: /);
    });

    it('leaves the number of arguments to the schema', () => {
      const error = refused(z.tuple([z.string()]), ['a', 'b']);
      assert.deepEqual(issuesOf(error)[0]?.path, []);
      assert.match(error.message, /invalid arguments: the whole: Too big/);
    });

    it('refuses a schema that makes something else of the list', () => {
      const other = scripted(() => ({ value: 'text' })) as ArgsSchema;
      assert.throws(
        () => validateArgs(other, [], WHERE),
        new TypeError('calculator.sum: the schema of the arguments must give an array, it gave a string'),
      );
    });
  });

  describe('keeps its errors small', () => {
    it('with at most 100 issues', () => {
      const error = refused([z.array(z.number())], [new Array(5_000).fill('x')]);
      assert.equal(issuesOf(error).length, 100);
      const both = refused([z.array(z.number()), z.number()], [new Array(99).fill('x'), 'x']);
      assert.equal(issuesOf(both).length, 100);
    });

    it('with at most 200 characters of each message', () => {
      const wordy = scripted(() => ({ issues: [{ message: 'x'.repeat(1_000_000) }] }));
      const error = refused([wordy], [1]);
      assert.equal(issuesOf(error)[0]?.message, `${'x'.repeat(197)}...`);
      assert.ok(error.message.length < 300);
    });

    it('with at most 16 segments of a path, each of at most 100 characters', () => {
      const path = ['k'.repeat(1_000), ...new Array(60).fill('deep')];
      const error = refused([scripted(() => ({ issues: [{ message: 'm', path }] }))], [1]);
      const shown = issuesOf(error)[0]!.path;
      assert.equal(shown.length, 16);
      assert.deepEqual(shown.slice(0, 3), [0, `${'k'.repeat(97)}...`, 'deep']);
    });

    it('with text for keys that the wire cannot carry', () => {
      const path = [Symbol('s'), { key: Symbol('t') }];
      const error = refused([scripted(() => ({ issues: [{ message: 'm', path }] }))], [1]);
      assert.deepEqual(issuesOf(error)[0]?.path, [0, 'Symbol(s)', 'Symbol(t)']);
    });

    it('and survives a schema that fails without a reason', () => {
      const silent = scripted(() => ({ issues: [] }));
      assert.equal(refused([silent], [1]).code, 'INVALID_ARGUMENT');
      assert.match(refused(silent as ArgsSchema, [1]).message, /invalid arguments: the schema gave no reason$/);
    });
  });
});

describe('validateResult', () => {
  it('gives what the schema gives, without a promise', () => {
    const user = z.object({ id: z.string() });
    assert.deepEqual(validateResult(user, { id: 'a', passwordHash: 'secret' }, WHERE), { id: 'a' });
  });

  it('gives a promise when the schema does', async () => {
    const later = z.number().transform(async (number) => number + 1);
    const given = validateResult(later, 1, WHERE);
    assert.ok(given instanceof Promise);
    assert.equal(await given, 2);
  });

  function assertTellsNothing(error: RpcError): void {
    assert.equal(error.message, 'INTERNAL: calculator.sum: the result does not fit the contract');
    assert.equal(error.details, undefined);
    assert.equal(error.progress, 'processed');
  }

  it('tells nothing of a wrong value', async () => {
    // This library quotes the value in its message.
    const user = v.object({ id: v.number() });
    assertTellsNothing(thrown(() => validateResult(user, { id: 'secret' }, WHERE)));
    assertTellsNothing(await rejected(validateResult(v.pipeAsync(user), { id: 'secret' }, WHERE)));
  });

  it('leaves the place, but no value, in the cause, which stays on the server', () => {
    const error = thrown(() => validateResult(v.object({ id: v.number() }), { id: 'secret' }, WHERE));
    assert.equal((error.cause as Error).message, 'calculator.sum: the result does not fit its schema at .id');
  });

  it('passes on what a schema throws', () => {
    const bug = new Error('bug in a schema');
    const broken = scripted(() => {
      throw bug;
    });
    assert.throws(
      () => validateResult(broken, 1, WHERE),
      (error) => error === bug,
    );
  });
});
