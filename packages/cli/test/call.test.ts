import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, memory } from '@org/rpc';
import {
  callContext,
  defineService,
  duplex,
  method,
  notify,
  RpcError,
  stream,
  systemClock,
  upload,
} from '@org/rpc-core';
import { runCli } from '../src/cli.js';
import type { Terminal } from '../src/terminal.js';
import { type TestTerminal, testTerminal } from './test-terminal.js';

const Things = defineService('things', {
  echo: method<(value: unknown, other?: unknown) => unknown>(),
  fail: method<(kind: string) => void>(),
  metadata: method<() => Record<string, string>>(),
  seen: notify<(name: string) => void>(),
  count: stream<(to: number) => AsyncIterable<unknown>>(),
  forever: stream<() => AsyncIterable<number>>(),
  total: upload<(items: AsyncIterable<unknown>, name: string) => Promise<string>>(),
  upper: duplex<(items: AsyncIterable<unknown>) => AsyncIterable<unknown>>(),
});

/** Clears a screen, and turns the direction of text. */
const HOSTILE = 'x\u001b[2J\u009b3J\u202ey';

describe('rpc call, of every kind of method', () => {
  let server: ReturnType<typeof createServer>;
  let registry: string;
  const seen: string[] = [];
  let leave = (): void => {};
  const leftForever = new Promise<void>((resolve) => {
    leave = resolve;
  });

  before(async () => {
    server = createServer({ registry: memory() });
    server.add(Things, {
      echo: (value, other) => (other === undefined ? value : [value, other]),
      fail(kind) {
        if (kind === 'hostile')
          throw new RpcError('NOT_FOUND', HOSTILE, { details: { [HOSTILE]: new Error(HOSTILE) } });
        throw new RpcError('NOT_FOUND', 'no such thing', {
          details: { at: new Date(0), ids: new Set([1n]), rate: Number.NaN },
          retryAfterMs: 20,
        });
      },
      metadata: () => {
        const context = callContext()!;
        context.responseMetadata['served-by'] = 'me';
        return { ...context.metadata };
      },
      seen: (name) => void seen.push(name),
      async *count(to) {
        for (let i = 0; i < to; i++) yield i === 0 ? { at: new Date(0) } : i;
      },
      async *forever() {
        try {
          for (let i = 0; ; i++) yield i;
        } finally {
          leave();
        }
      },
      async total(items, name) {
        const all = [];
        for await (const item of items) all.push(item);
        return `${name}: ${JSON.stringify(all)}`;
      },
      async *upper(items) {
        for await (const item of items) yield String(item).toUpperCase();
      },
    });
    const { port } = await server.listen({ host: '127.0.0.1' });
    registry = `direct://127.0.0.1:${port}`;
  });
  after(() => server.close({ drainMs: 0, graceMs: 0 }));

  async function rpc(words: string[], changes: Partial<Terminal> = {}): Promise<TestTerminal & { code: number }> {
    const terminal = testTerminal({ clock: systemClock, ...changes });
    const code = await runCli([...words, '--registry', registry], terminal);
    return Object.assign(terminal, { code });
  }

  function typed(text: string): Partial<Terminal> {
    return {
      input: async function* () {
        // In pieces that break lines and characters.
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3);
      },
    };
  }

  it('shows the details of a failure', async () => {
    const { code, errText, outText } = await rpc(['call', 'things.fail', 'plain']);
    assert.equal(code, 1);
    assert.match(errText, /^rpc call: NOT_FOUND: .*no such thing/);
    assert.match(errText, /\n {2}details: \{ at: 1970-01-01T00:00:00\.000Z, ids: Set\(1\) \{ 1n \}, rate: NaN \}\n/);
    assert.match(errText, /\n {2}try again after 20 ms\n/);
    assert.equal(outText, '');
  });

  it('prints a failure as JSON with --json, also that of a wrong command line', async () => {
    const { code, outText } = await rpc(['call', 'things.fail', 'plain', '--json']);
    assert.equal(code, 1);
    const { error } = JSON.parse(outText) as { error: Record<string, unknown> };
    assert.equal(error['code'], 'NOT_FOUND');
    assert.match(String(error['reason']), /no such thing/);
    assert.deepEqual(error['details'], {
      at: { $date: '1970-01-01T00:00:00.000Z' },
      ids: { $set: [{ $bigint: '1' }] },
      rate: { $number: 'NaN' },
    });
    assert.deepEqual([error['service'], error['method'], error['progress']], ['things', 'fail', 'processed']);
    const wrong = await rpc(['call', 'things.fail', '--tiemout', '1s', '--json']);
    assert.equal(wrong.code, 1);
    assert.deepEqual(JSON.parse(wrong.outText), {
      error: { message: 'unknown option --tiemout, did you mean --timeout?' },
    });
  });

  it('prints and takes every value without loss', async () => {
    const words = [
      '{"$map":[["a",{"$number":"NaN"}],["b",{"$bigint":"12"}]]}',
      '[{"$error":{"name":"RangeError","message":"m"}},{"$bytes":"AQID"},{"$undefined":true}]',
    ];
    const { outText } = await rpc(['call', 'things.echo', ...words, '--json']);
    assert.deepEqual(
      JSON.parse(outText),
      words.map((word) => JSON.parse(word) as unknown),
    );
    const people = await rpc(['call', 'things.echo', words[0]!]);
    assert.equal(people.outText, "Map(2) { 'a' => NaN, 'b' => 12n }\n");
    const rounded = await rpc(['call', 'things.echo', '9007199254740993']);
    assert.match(rounded.errText, /^rpc call: argument 1: a number cannot hold 9007199254740993 exactly/);
  });

  it('lets nothing of what a server says command a terminal', async () => {
    const onTerminal = { outIsTerminal: true, errIsTerminal: true };
    const runs = await Promise.all([
      rpc(['call', 'things.fail', 'hostile'], onTerminal),
      rpc(['call', 'things.fail', 'hostile', '--verbose'], onTerminal),
      rpc(['call', 'things.fail', 'hostile', '--json'], onTerminal),
      rpc(['call', 'things.echo', HOSTILE], onTerminal),
      rpc(['call', 'things.echo', HOSTILE, '--json']),
      rpc(['call', 'things.echo', JSON.stringify({ [HOSTILE]: [HOSTILE] })], onTerminal),
      rpc(['call', 'things.echo', `{"$error":{"name":"E","message":${JSON.stringify(HOSTILE)}}}`], onTerminal),
      rpc(['call', 'things.upper', '--json'], typed(`${HOSTILE}\n`)),
    ]);
    for (const { outText, errText } of runs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
      assert.doesNotMatch(outText + errText, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
      assert.match((outText + errText).toLowerCase(), /\\u001b|\\x1b/);
    }
    // Whoever takes it into a file or a program takes it as it is.
    assert.equal((await rpc(['call', 'things.echo', HOSTILE])).outText, `${HOSTILE}\n`);
  });

  it('prints the items of a stream as they come, each as one line of JSON with --json', async () => {
    const people = await rpc(['call', 'things.count', '3']);
    assert.equal(people.outText, '{ at: 1970-01-01T00:00:00.000Z }\n1\n2\n');
    const json = await rpc(['call', 'things.count', '3', '--json']);
    assert.equal(json.outText, '{"at":{"$date":"1970-01-01T00:00:00.000Z"}}\n1\n2\n');
  });

  it('waits for a slow reader of its output before it takes the next item', async () => {
    let interrupt = (): void => {};
    let printed = 0;
    const running = rpc(['call', 'things.forever'], {
      out: () => {
        printed++;
      },
      drained: async () => {
        if (printed === 3) interrupt();
      },
      onInterrupt: (run) => {
        interrupt = run;
        return () => {};
      },
    });
    assert.equal((await running).code, 130);
    assert.equal(printed, 3);
    // The server was told: its handler ends.
    await leftForever;
  });

  it('sends the lines of standard input to an upload, and both ways to a duplex method', async () => {
    const sent = await rpc(['call', 'things.total', 'kitchen'], typed('1\nplain wörds\r\n\n{"a":[2]}\n"quoted"'));
    assert.equal(sent.outText, 'kitchen: [1,"plain wörds",{"a":[2]},"quoted"]\n');
    const both = await rpc(['call', 'things.upper', '--kind', 'duplex'], typed('a\nb\n'));
    assert.equal(both.outText, 'A\nB\n');
    const wrong = await rpc(['call', 'things.total', 'kitchen'], typed('1\n{"$date":"x"}\n'));
    assert.equal(wrong.code, 1);
    assert.match(wrong.errText, /line 2 of standard input: "x" does not fit into \$date/);
  });

  it('takes its arguments from a file or from standard input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpc-args-'));
    const file = join(folder, 'args.json');
    try {
      writeFileSync(file, '["tea", {"$date":"1970-01-01T00:00:00.000Z"}]');
      assert.equal(
        (await rpc(['call', 'things.echo', '--args', file])).outText,
        "[ 'tea', 1970-01-01T00:00:00.000Z ]\n",
      );
      assert.equal((await rpc(['call', 'things.echo', '--args', '-'], typed('[[1]]'))).outText, '[ 1 ]\n');
      for (const [text, error] of [
        ['{"a":1}', /--args .*args\.json must be a JSON array/],
        ['[1', /--args .*args\.json is no JSON: /],
      ] as const) {
        writeFileSync(file, text);
        assert.match((await rpc(['call', 'things.echo', '--args', file])).errText, error);
      }
      assert.match((await rpc(['call', 'things.echo', '--args', `${file}x`])).errText, /cannot be read: ENOENT/);
      assert.match((await rpc(['call', 'things.echo', '1', '--args', file])).errText, /not from both/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('takes metadata from a file, which the command line goes before, and repeats no secret in its errors', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rpc-metadata-'));
    const file = join(folder, 'metadata');
    try {
      writeFileSync(file, '# who calls\nauthorization=Bearer a=b\n\ntenant=x\n');
      const { outText } = await rpc([
        'call',
        'things.metadata',
        '--metadata-file',
        file,
        '--metadata',
        'tenant=y',
        '--json',
      ]);
      assert.deepEqual(JSON.parse(outText), { authorization: 'Bearer a=b', tenant: 'y' });
      writeFileSync(file, 'tenant=x\nhunter2\n');
      const wrong = await rpc(['call', 'things.metadata', '--metadata-file', file]);
      assert.equal(wrong.errText, `rpc call: --metadata-file ${file}, line 2: it must be key=value\n`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('tells with --verbose who answered, how fast, and with which metadata', async () => {
    const { errText } = await rpc(['call', 'things.metadata', '--verbose']);
    const address = registry.replace('direct://', '');
    assert.match(
      errText,
      new RegExp(`^rpc call: ${address} answered after \\d+\\.\\d ms, 1 attempt; metadata: served-by=me\n$`),
    );
    const failed = await rpc(['call', 'things.fail', 'plain', '--verbose']);
    assert.match(failed.errText, new RegExp(`\n {2}attempt 1: ${address}, \\d+\\.\\d ms, NOT_FOUND, processed\n`));
  });

  it('tells with --explain which instances there were and which was taken, of a call that fails, too', async () => {
    const address = registry.replace('direct://', '');
    const taken = new RegExp(
      `^rpc call: [01] of 1 instances take calls of things\\.\\w+; .*${address} was taken: `,
      'm',
    );
    for (const args of [
      ['things.echo', '1'],
      ['things.fail', 'plain'],
    ])
      assert.match((await rpc(['call', ...args, '--explain'])).errText, taken);
    assert.doesNotMatch((await rpc(['call', 'things.echo', '1'])).errText, /was taken/);
  });

  it('calls what has no answer', async () => {
    const { code, outText } = await rpc(['call', 'things.seen', 'tea', '--json']);
    assert.deepEqual([code, outText, seen], [0, 'null\n', ['tea']]);
  });

  it('says what is wrong with a kind', async () => {
    assert.match(
      (await rpc(['call', 'things.echo', '1', '--kind', 'strem'])).errText,
      /--kind 'strem' is none; there are unary,/,
    );
    const wrong = await rpc(['call', 'things.count', '1', '--kind', 'unary']);
    assert.match(wrong.errText, /things\.count is a stream method/);
  });
});

describe('rpc call, of a server that cannot be reached', () => {
  it('keeps to --timeout and says what the library says', async () => {
    const closed = createServer({ registry: memory() });
    const { port } = await closed.listen({ host: '127.0.0.1' });
    await closed.close();
    const terminal = testTerminal({ clock: systemClock });
    const words = ['call', 'a.b', '--registry', `direct://127.0.0.1:${port}`, '--timeout', '60s'];
    // Well before a minute is over, as nothing can come of waiting.
    assert.equal(await runCli(words, terminal), 1);
    assert.match(terminal.errText, new RegExp(`^rpc call: UNAVAILABLE: .*127\\.0\\.0\\.1:${port}.*ECONNREFUSED`));
  });

  it('gives up after --timeout when nobody answers at all', async () => {
    // A server that accepts and never greets.
    const { createServer: listen } = await import('node:net');
    const silent = listen().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const terminal = testTerminal({ clock: systemClock });
    const words = ['call', 'a.b', '--registry', `direct://127.0.0.1:${port}`, '--timeout', '50ms'];
    assert.equal(await runCli(words, terminal), 1);
    assert.match(terminal.errText, /^rpc call: DEADLINE_EXCEEDED: .* 50 ms/);
    silent.close();
  });
});
