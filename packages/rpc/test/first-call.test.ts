import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createClient,
  createServer,
  defineService,
  local,
  memory,
  method,
  notify,
  type Registry,
  stream,
} from '@org/rpc';

const Feed = defineService('feed', {
  one: method<() => string>(),
  items: stream<() => AsyncIterable<number>>(),
  note: notify<(text: string) => void>(),
});

describe('the first call right after listen()', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rpc-first-call-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const registries: [string, () => Registry][] = [
    ['local', () => local({ directory })],
    ['memory', () => memory()],
  ];
  for (const [name, create] of registries) {
    it(`is answered over ${name}, whatever it is: unary, a stream, one-way`, async () => {
      const registry = create();
      let noted!: (text: string) => void;
      const note = new Promise<string>((resolve) => {
        noted = resolve;
      });
      await using server = createServer({ registry }).add(Feed, {
        one: () => 'one',
        async *items() {
          yield 1;
          yield 2;
        },
        note: (text) => noted(text),
      });
      await server.listen();
      const clients = Array.from({ length: 3 }, () => createClient({ registry }));
      try {
        const [unary, streaming, oneWay] = clients.map((client) => client.service(Feed));
        const items: number[] = [];
        const streamed = (async () => {
          for await (const item of streaming!.items()) items.push(item);
        })();
        const [answer] = await Promise.all([unary!.one(), streamed, oneWay!.note('hi')]);
        assert.deepEqual([answer, items, await note], ['one', [1, 2], 'hi']);
      } finally {
        await Promise.all(clients.map((client) => client.close()));
      }
    });
  }

  it('finds the instance registered already, where the registry is of this machine', async () => {
    const registry = local({ directory });
    await using server = createServer({ registry }).add(Feed, { one: () => '', async *items() {}, note: () => {} });
    await server.listen();
    let isRegistered = false;
    void server.registered.then(() => {
      isRegistered = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    assert.equal(isRegistered, true);
  });

  it('leaves a line on stderr when two servers have one name and nobody listens', async () => {
    const { write } = process.stderr;
    const lines: string[] = [];
    process.stderr.write = (chunk: unknown): boolean => {
      lines.push(String(chunk));
      return true;
    };
    try {
      const registry = memory();
      const handlers = { one: () => '', async *items() {}, note: () => {} };
      await using first = createServer({ registry, name: 'twin' }).add(Feed, handlers);
      await using second = createServer({ registry, name: 'twin' }).add(Feed, handlers);
      await first.listen();
      await second.listen();
      assert.deepEqual(lines, [
        '[rpc] server twin is not the only one of its name: another instance registered with the id "twin"\n',
      ]);
    } finally {
      process.stderr.write = write;
    }
  });
});
