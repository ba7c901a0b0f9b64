import assert from 'node:assert/strict';
import { type CallContext, callContext, contextKey, detached, runInContext } from './context.js';

const context = { service: 'shop' } as CallContext;

describe('the call context', () => {
  it('is there inside of a call only, also after an await', async () => {
    assert.equal(callContext(), undefined);
    const seen = await runInContext(context, async () => {
      await undefined;
      return callContext();
    });
    assert.equal(seen, context);
    assert.equal(callContext(), undefined);
  });

  it('passes arguments and result through', () => {
    assert.equal(
      runInContext(context, (a: number, b: number) => a + b, 1, 2),
      3,
    );
  });

  it('is not there in what is detached from the call, and comes back after it', async () => {
    await runInContext(context, async () => {
      assert.equal(await detached(async () => callContext()), undefined);
      assert.equal(callContext(), context);
    });
  });

  it('does not mind detaching outside of a call', () => {
    assert.equal(
      detached(() => 'done'),
      'done',
    );
  });
});

describe('contextKey', () => {
  it('makes a new key each time, also with the same name', () => {
    const [first, second] = [contextKey<string>('user'), contextKey<string>('user')];
    assert.notEqual(first.symbol, second.symbol);
    assert.equal(first.name, 'user');
    assert.equal(first.symbol.description, 'user');
  });
});
