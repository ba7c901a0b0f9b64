import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { type Client, createClient, createServer, defineService, direct, method, type Server, stream } from '@org/rpc';

const PAGE = readFileSync(new URL('../../../docs/ARCHITECTURE.md', import.meta.url), 'utf8');

/** Files that a unary call may be handed through, there and back. */
const FILES_MAX = 30;

const Calculator = defineService('calculator', {
  sum: method<(x: number, y: number) => number>(),
  count: stream<(end: number) => AsyncIterable<number>>(),
});

describe('the page about the architecture', () => {
  let server: Server;
  let client: Client;
  before(async () => {
    server = createServer().add(Calculator, {
      sum: (x, y) => x + y,
      async *count(end) {
        for (let i = 0; i < end; i++) yield i;
      },
    });
    const { port } = await server.listen({ host: '127.0.0.1', anyUser: true });
    client = createClient({ registry: direct([`127.0.0.1:${port}`]) });
    // What a first call brings about is not on the way of the others.
    await client.service(Calculator).sum(1, 2);
  });
  after(async () => {
    await client.close();
    await server.close({ drainMs: 0 });
  });

  it('names the files that hand a unary call on, which are at most 30', async () => {
    const named = filesNamed('The way of a unary call');
    const ran = await filesRunBy(() => client.service(Calculator).sum(1, 2));
    assert.deepEqual(
      named.filter((file) => !ran.has(file)),
      [],
    );
    assert.ok(named.length > 0 && named.length <= FILES_MAX, `${named.length} files`);
  });

  it('names the files that hand the items of a stream on', async () => {
    const named = filesNamed('The way of a stream item');
    const ran = await filesRunBy(async () => {
      for await (const item of client.service(Calculator).count(3)) assert.ok(item < 3);
    });
    assert.ok(named.length > 0);
    assert.deepEqual(
      named.filter((file) => !ran.has(file)),
      [],
    );
  });
});

/** The sources that a section of the page links to, from `packages/` on. */
function filesNamed(heading: string): string[] {
  const section = PAGE.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  return [...new Set([...section.matchAll(/\(\.\.\/(packages\/[^)]+\.ts)\)/g)].map(([, path]) => path!))];
}

/** The sources of which a function ran meanwhile, from `packages/` on: the engine counts. */
async function filesRunBy(run: () => Promise<unknown>): Promise<Set<string>> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
    await session.post('Profiler.takePreciseCoverage');
    await run();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const ran = result.filter(({ functions }) => functions.some(({ ranges }) => ranges[0]!.count > 0));
    return new Set(ran.map(({ url }) => /packages\/[^?]+$/.exec(url)?.[0] ?? url));
  } finally {
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}
