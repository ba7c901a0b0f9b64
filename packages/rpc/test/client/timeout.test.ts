import assert from 'node:assert/strict';
import { type ClientOptions, configure } from '@org/rpc-client';
import { type CallContext, callContext, defineService, method } from '@org/rpc-core';
import { memory } from '@org/rpc-registry';
import { createServer } from '@org/rpc-server';
import { connect, FakeClock, runInCallContext } from '@org/rpc-testkit';
import { openShop } from './shop.js';

const Timed = defineService('timed', {
  plain: method<() => number>(),
  contract: method<() => number>({ timeoutMs: 500 }),
});

/** The time that a handler is given when the client has these options, and the call those. */
async function givenMs(
  name: 'plain' | 'contract',
  client: ClientOptions,
  call: { timeoutMs?: number } = {},
  inheritedMs?: number,
): Promise<number> {
  const clock = new FakeClock(1_000);
  const remaining = (): number => callContext()!.remainingMs();
  const server = createServer({ registry: memory(), clock }).add(Timed, { plain: remaining, contract: remaining });
  await using connection = connect(server, { clock, ...client });
  const stub = connection.service(Timed).with(call);
  if (inheritedMs === undefined) return await stub[name]();
  return await runInCallContext({ deadline: clock.now() + inheritedMs }, () => stub[name]());
}

describe('the timeout of a call', () => {
  const ofService = [configure(Timed, { timeoutMs: 400 })];
  const ofMethod = [configure(Timed, { timeoutMs: 400, methods: { contract: { timeoutMs: 300 } } })];

  it('is a second when nobody says otherwise', async () => {
    assert.equal(await givenMs('plain', {}), 1_000);
  });

  it("is the client's when nobody says otherwise", async () => {
    assert.equal(await givenMs('plain', { timeoutMs: 600 }), 600);
  });

  it("is the contract's rather than the client's", async () => {
    assert.equal(await givenMs('contract', { timeoutMs: 600 }), 500);
  });

  it("is the service's on this client rather than the contract's", async () => {
    assert.equal(await givenMs('contract', { timeoutMs: 600, services: ofService }), 400);
  });

  it("is the method's on this client rather than the service's", async () => {
    assert.equal(await givenMs('contract', { timeoutMs: 600, services: ofMethod }), 300);
    assert.equal(await givenMs('plain', { timeoutMs: 600, services: ofMethod }), 400);
  });

  it("is the call's before all others, be it longer or shorter", async () => {
    assert.equal(await givenMs('contract', { timeoutMs: 600, services: ofMethod }, { timeoutMs: 200 }), 200);
    assert.equal(await givenMs('contract', { timeoutMs: 600, services: ofMethod }, { timeoutMs: 5_000 }), 5_000);
  });

  it('is never more than what the call being served has left', async () => {
    assert.equal(await givenMs('contract', {}, { timeoutMs: 5_000 }, 70), 70);
    assert.equal(await givenMs('contract', { services: ofMethod }, {}, 70), 70);
    assert.equal(await givenMs('contract', {}, {}, 700), 500);
  });

  it('is told in the message, with where it was spent', async () => {
    await using open = openShop();
    const { instance } = open.server;
    const call = open.shop.slow();
    await Promise.all([
      assert.rejects(call, {
        code: 'DEADLINE_EXCEEDED',
        message:
          `DEADLINE_EXCEEDED: shop.slow took longer than 300 ms, the timeoutMs of its contract (memory:1 [${instance}] no reply in 300 ms; not retried: the method is not marked idempotent); ` +
          `at fault: the handler at memory:1 [${instance}], or a call of its own, which had it for 300 of 300 ms`,
        progress: 'maybe-processed',
        service: 'shop',
        method: 'slow',
        endpoint: 'memory:1',
        instance,
      }),
      open.clock.advance(300),
    ]);
  });
});

describe('the options of a call that go to the server', () => {
  it('are its metadata, on top of the metadata of the client', async () => {
    const received: unknown[] = [];
    const authorize = ({ metadata }: CallContext): void => void received.push({ ...metadata });
    await using open = openShop({ client: { metadata: { from: 'client', tenant: 'a' } }, server: { authorize } });
    await open.shop.with({ metadata: { tenant: 'b' } }).add(1);
    assert.deepEqual(received, [{ from: 'client', tenant: 'b' }]);
  });

  it('are that it may be repeated, whatever the contract says', async () => {
    let calls = 0;
    const hang = (): Promise<never> => {
      calls++;
      return new Promise(() => {});
    };
    await using open = openShop({ handlers: { hang } });
    const call = open.shop.with({ idempotent: true, attemptTimeoutMs: 100, timeoutMs: 1_000 }).hang();
    await Promise.all([assert.rejects(call, { code: 'DEADLINE_EXCEEDED' }), open.clock.advance(1_000)]);
    assert.equal(calls, 3);
  });
});
