import assert from 'node:assert/strict';
import { FakeClock } from '@org/rpc-testkit';
import { isRpcError, RpcError } from '../error.js';
import { Call } from '../service.js';
import { type CoalesceOptions, coalesce } from './coalesce.js';

function aCall(id: unknown = 'a', isIdempotent = true): Call {
  const call = new Call({ service: 'catalog', method: 'find', wireName: Buffer.from('x') } as never, [id], false);
  call.idempotent = isIdempotent;
  return call;
}

function aShare(options: CoalesceOptions = {}) {
  const clock = new FakeClock(1_000);
  const made: { resolve(value: unknown): void; reject(error: unknown): void }[] = [];
  const service = coalesce({ clock, ...options })(
    () => new Promise((resolve, reject) => void made.push({ resolve, reject })),
  );
  return { clock, made, service };
}

const turns = (): Promise<void> => new Promise(setImmediate);

describe('coalesce', () => {
  it('makes one call of those that are the same, and gives each a copy', async () => {
    const { made, service } = aShare();
    const calls = [service(aCall()), service(aCall()), service(aCall()), service(aCall('b'))];
    assert.equal(made.length, 2);
    made[0]!.resolve({ name: 'tea' });
    made[1]!.resolve('other');
    const values = (await Promise.all(calls)) as { name: string }[];
    assert.deepEqual(values, [{ name: 'tea' }, { name: 'tea' }, { name: 'tea' }, 'other']);
    assert.equal(new Set(values).size, 4);
    void service(aCall());
    assert.equal(made.length, 3);
  });

  it('gives each what the first was given, whatever its caller does with it', async () => {
    const { made, service } = aShare();
    const first = (service(aCall()) as Promise<{ name: string }>).then((value) => (value.name = 'changed'));
    const second = service(aCall());
    made[0]!.resolve({ name: 'tea' });
    await first;
    assert.deepEqual(await second, { name: 'tea' });
  });

  it('leaves alone calls that are not idempotent, unless their method was named', async () => {
    const { made, service } = aShare();
    void service(aCall('a', false));
    void service(aCall('a', false));
    assert.equal(made.length, 2);
    const named = aShare({ methods: ['catalog.find'] });
    void named.service(aCall('a', false));
    void named.service(aCall('a', false));
    assert.equal(named.made.length, 1);
  });

  it('gives each an error of its own', async () => {
    const { made, service } = aShare();
    const calls = [service(aCall()), service(aCall())].map((call) => call.catch((error: unknown) => error));
    made[0]!.reject(new RpcError('NOT_FOUND', 'no tea', { details: 7 }));
    const errors = await Promise.all(calls);
    assert.ok(errors.every((error) => isRpcError(error, 'NOT_FOUND') && error.details === 7));
    assert.notEqual(errors[0], errors[1]);
  });

  for (const code of ['CANCELLED', 'DEADLINE_EXCEEDED'] as const) {
    it(`makes the call of the next one when the first ends with ${code}, and the others wait for that`, async () => {
      const { made, service } = aShare();
      const first = assert.rejects(service(aCall()), { code });
      const others = [service(aCall()), service(aCall())];
      made[0]!.reject(new RpcError(code, 'of the first'));
      await first;
      await turns();
      assert.equal(made.length, 2);
      made[1]!.resolve('tea');
      assert.deepEqual(await Promise.all(others), ['tea', 'tea']);
    });
  }

  it('keeps the deadline and the signal of each', async () => {
    const { clock, made, service } = aShare();
    const first = service(aCall());
    const short = aCall();
    short.deadline = clock.now() + 50;
    const late = assert.rejects(service(short), { code: 'DEADLINE_EXCEEDED', message: /the answer to the same call/ });
    const controller = new AbortController();
    const stopped = aCall();
    stopped.signal = controller.signal;
    const cancelled = assert.rejects(service(stopped), { code: 'CANCELLED' });
    controller.abort();
    await cancelled;
    await clock.advance(50);
    await late;
    made[0]!.resolve('tea');
    assert.equal(await first, 'tea');
    assert.equal(made.length, 1);
  });

  it('lets so many wait, and asks anew for what cannot be copied', async () => {
    const { made, service } = aShare({ maxWaiting: 2 });
    const calls = Array.from({ length: 4 }, () => service(aCall()));
    assert.equal(made.length, 2);
    class Money {}
    made[0]!.resolve(new Money());
    made[1]!.resolve('by itself');
    await turns();
    assert.equal(made.length, 4);
    for (const each of made) each.resolve('anew');
    assert.deepEqual((await Promise.all(calls)).slice(1), ['anew', 'anew', 'by itself']);
  });
});
