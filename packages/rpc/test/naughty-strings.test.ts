import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  type Client,
  type Codec,
  callContext,
  createClient,
  createServer,
  defineService,
  memory,
  method,
  msgpack,
  type Server,
} from '@org/rpc';
import { msgpackrCodec } from '@org/rpc/msgpackr';

const STRINGS = JSON.parse(
  readFileSync(new URL('../test/vectors/blns.json', import.meta.resolve('@org/rpc-wire')), 'utf8'),
) as readonly string[];

const Echo = defineService('echo', {
  say: method<(value: unknown) => unknown>(),
  metadata: method<() => Readonly<Record<string, string>>>(),
});

/** A client and a server on a port of this machine. */
class Pair implements AsyncDisposable {
  readonly server: Server;
  readonly client: Client;

  private constructor(server: Server, client: Client) {
    this.server = server;
    this.client = client;
  }

  static async open(clientCodec: Codec, serverCodec: Codec): Promise<Pair> {
    const registry = memory();
    const server = createServer({ registry, codec: serverCodec }).add(Echo, {
      say: (value) => value,
      metadata: () => ({ ...callContext()?.metadata }),
    });
    for (const name of NAMES) server.add(named(name), { [name]: () => name });
    await server.listen();
    return new Pair(server, createClient({ registry, codec: clientCodec, timeoutMs: 5_000 }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server.close({ graceMs: 0 });
  }
}

const named = (name: string) => defineService(name, { [name]: method<() => string>() });
/** Those that may name both a service and a method. */
const NAMES = [...new Set(STRINGS)].filter((text) => {
  try {
    return named(text);
  } catch {
    return false;
  }
});

describe('naughty strings between a real client and a real server', () => {
  for (const [names, clientCodec, serverCodec] of [
    ['msgpack() and msgpack()', msgpack(), msgpack()],
    ['msgpackrCodec() and msgpack()', msgpackrCodec(), msgpack()],
    ['msgpack() and msgpackrCodec()', msgpack(), msgpackrCodec()],
  ] as const)
    describe(names, () => {
      let pair: Pair;
      before(async () => {
        pair = await Pair.open(clientCodec, serverCodec);
      });
      after(() => pair[Symbol.asyncDispose]());

      it('arrive as values and keys, to the byte, one by one and together', async () => {
        const echo = pair.client.service(Echo);
        for (const text of STRINGS) {
          const value = { text, [text]: [text] };
          const back = (await echo.say(value)) as typeof value;
          assert.deepEqual(back, value);
          assert.deepEqual(Buffer.from(back.text), Buffer.from(text));
        }
        assert.deepEqual(await echo.say(STRINGS), STRINGS);
      });
    });

  describe('beside the payload', () => {
    let pair: Pair;
    let down = 0;
    before(async () => {
      pair = await Pair.open(msgpack(), msgpack());
      pair.client.on('endpointDown', () => down++);
    });
    after(() => pair[Symbol.asyncDispose]());
    afterEach('the connection lives on', async () => {
      assert.equal(await pair.client.service(Echo).say('fine'), 'fine');
      assert.equal(down, 0);
    });

    it('arrive as values of metadata to the byte, or are refused by their key: those with control characters', async () => {
      const echo = pair.client.service(Echo);
      let refused = 0;
      for (const text of STRINGS) {
        const call = echo.with({ metadata: { 'x-text': text } }).metadata();
        if (CONTROL.test(text)) {
          await assert.rejects(call, {
            code: 'INVALID_ARGUMENT',
            message: /echo\.metadata cannot be sent: metadata "x-text" contains control characters/,
          });
          refused++;
        } else assert.deepEqual(await call, { 'x-text': text });
      }
      assert.equal(refused, 5);
    });

    it('arrive as keys of metadata or are refused in words that name them', async () => {
      const echo = pair.client.service(Echo);
      let arrived = 0;
      for (const text of STRINGS) {
        const call = echo.with({ metadata: { [text]: 'x' } }).metadata();
        if (/^[a-z0-9_][a-z0-9._-]{0,127}$/.test(text)) {
          assert.deepEqual(await call, { [text]: 'x' });
          arrived++;
        } else {
          const error = await call.then(
            () => assert.fail(`${text} arrived`),
            (reason: Error & { code: string }) => reason,
          );
          assert.equal(error.code, 'INVALID_ARGUMENT');
          assert.ok(error.message.includes(`metadata key ${JSON.stringify(text.slice(0, 64))} must be`), error.message);
        }
      }
      assert.equal(arrived, 29);
    });

    it('name services and methods that are served, or are refused where they are defined and where they are called', async () => {
      const { client } = pair;
      assert.equal(NAMES.length, 53);
      for (const text of new Set(STRINGS)) {
        if (NAMES.includes(text)) {
          assert.equal(await client.service(named(text))[text]!(), text);
          assert.equal(await client.call(text, text, []), text);
          continue;
        }
        assert.throws(() => named(text), /TypeError: defineService: .*name/s);
        // A name that is right for a service and reserved for a method reaches the registry, which knows no such service.
        if (text === 'then')
          await assert.rejects(client.call(text, 'x', []), { code: 'UNAVAILABLE', message: /"then"/ });
        else
          assert.throws(() => client.call(text, 'say', []), /TypeError: client\.call: the name of a service must be/);
      }
    });

    it('are answered where they name no method, in words that name them', async () => {
      for (const text of NAMES)
        await assert.rejects(pair.client.call('echo', text, []), (error: Error & { code: string }) => {
          assert.equal(error.code, 'UNIMPLEMENTED');
          assert.ok(error.message.includes(text), error.message);
          return true;
        });
    });
  });
});

/** What metadata may not hold, since it could forge lines of logs. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
