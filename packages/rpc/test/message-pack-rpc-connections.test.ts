import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer as createSocketServer, type Socket } from 'node:net';
import {
  createClient,
  createServer,
  defineService,
  direct,
  isRpcError,
  memory,
  messagePackRpc,
  method,
} from '@org/rpc';

const Jobs = defineService('jobs', { run: method<(name: string) => string>() });

/** A server whose jobs run until they are let go, behind something that counts its connections and can cut them. */
async function scene(options: Parameters<typeof messagePackRpc>[0]) {
  let isOver = false;
  const running = new Map<string, () => void>();
  const waiting: { readonly count: number; readonly done: () => void }[] = [];
  const server = createServer({ registry: memory() });
  server.add(Jobs, {
    run: (name) =>
      new Promise<string>((resolve) => {
        if (isOver) return resolve(`${name} done`);
        running.set(name, () => {
          running.delete(name);
          resolve(`${name} done`);
        });
        for (const { count, done } of waiting) if (running.size >= count) done();
      }),
  });
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  const ways: Socket[] = [];
  const between = createSocketServer((near) => {
    const far = connect(port, '127.0.0.1');
    ways.push(near);
    near.on('error', () => {}).on('close', () => far.destroy());
    far.on('error', () => {}).on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  between.listen(0, '127.0.0.1');
  await once(between, 'listening');
  const client = createClient({
    registry: direct([`127.0.0.1:${(between.address() as AddressInfo).port}`]),
    protocol: messagePackRpc(options),
  });
  const jobs = client.service(Jobs);
  return {
    ways,
    running,
    client,
    run: (name: string) => jobs.run(name).catch((error) => (isRpcError(error) ? `${name} ${error.code}` : error)),
    /** Resolves when so many jobs run. */
    until: (count: number) =>
      running.size >= count ? Promise.resolve() : new Promise<void>((done) => waiting.push({ count, done })),
    /** Ends all jobs; those that come later end at once. */
    letGo() {
      isOver = true;
      for (const end of [...running.values()]) end();
    },
    async close() {
      await client.close();
      between.close();
      await server.close();
    },
  };
}

describe('several connections to one server of MessagePack-RPC', () => {
  it('each have as many calls in flight as maxInFlight says; the next call goes to whichever is free first', async () => {
    const { run, running, ways, until, letGo, close } = await scene({ connections: 3, maxInFlight: 1 });
    const calls = ['a', 'b', 'c', 'd', 'e'].map(run);
    await until(3);
    assert.deepEqual([...running.keys()].sort(), ['a', 'b', 'c']);
    // The first is slow; what waits passes it by.
    running.get('b')!();
    await until(3);
    running.get('d')!();
    await until(3);
    assert.deepEqual([...running.keys()].sort(), ['a', 'c', 'e']);
    letGo();
    assert.deepEqual(await Promise.all(calls), ['a done', 'b done', 'c done', 'd done', 'e done']);
    assert.equal(ways.length, 3);
    await close();
  });

  it('go on when one of them is lost, which costs its own call alone and is made anew', async () => {
    const { run, ways, until, letGo, close } = await scene({ connections: 3, maxInFlight: 1 });
    const calls = ['a', 'b', 'c', 'd', 'e', 'f'].map(run);
    await until(3);
    ways[1]!.destroy();
    const [name, code] = (await Promise.race(calls)).split(' ');
    assert.equal(code, 'UNAVAILABLE');
    // The connection that takes its place takes the next call.
    await until(4);
    letGo();
    const results = await Promise.all(calls);
    assert.deepEqual(
      results.filter((result) => !result.endsWith('done')),
      [`${name} UNAVAILABLE`],
    );
    assert.equal(ways.length, 4);
    await close();
  });

  it('is one connection when nothing is said', async () => {
    const { run, ways, until, letGo, close } = await scene({});
    const calls = ['a', 'b'].map(run);
    await until(2);
    letGo();
    await Promise.all(calls);
    assert.equal(ways.length, 1);
    await close();
  });
});
