import assert from 'node:assert/strict';
import type { Client, ClientOptions, Metadata } from '../../packages/rpc/src/index.js';
import { ECHOED, type InteropRequest, TestService } from './service.js';

/** What a case has: ways to the server. Every client is closed by whoever made the rig. */
export interface InteropRig {
  readonly client: Client;
  /** Calls and channels of the long cases are divided by this, where the way to the server is not what they are about. */
  readonly divisor: number;
  /** One more client, with connections of its own. */
  open(options?: ClientOptions): Client;
}

/** Sizes in bytes, as grpc's doc/interop-test-descriptions.md has them. */
const LARGE: InteropRequest = { payload: new Uint8Array(271_828), response: { size: 314_159 } };
const ZEROS = new Uint8Array(314_159);
const REQUEST_SIZES = [27_182, 8, 1_828, 45_904] as const;
const RESPONSE_SIZES = [31_415, 9, 2_653, 58_979] as const;
const STATUS = { code: 'UNKNOWN', message: 'test status message' } as const;
const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';

/** So many calls and channels make seconds of work; grpc's own defaults are meant for hours. */
const CONCURRENT_CALLS = 1_000;
const SOAK_CALLS = 1_000;
const SOAK_CHANNELS = 100;

async function largeUnary(client: Client): Promise<void> {
  const zeros = await client.service(TestService).UnaryCall(LARGE);
  assert.equal(Buffer.compare(zeros, ZEROS), 0);
}

async function unimplemented(client: Client, service: string): Promise<void> {
  const call = client.call(service, 'UnimplementedCall', []);
  await assert.rejects(call, { code: 'UNIMPLEMENTED', progress: 'refused' });
}

/** A source that is asked for each item in turn, by whoever has read the answer to the one before. */
function conversation(): { say(request: InteropRequest | undefined): void; source: AsyncIterable<InteropRequest> } {
  const said: (InteropRequest | undefined)[] = [];
  let wake = (): void => {};
  async function* source(): AsyncGenerator<InteropRequest> {
    for (;;) {
      while (said.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const request = said.shift();
      if (request === undefined) return;
      yield request;
    }
  }
  return {
    say(request) {
      said.push(request);
      wake();
    },
    source: source(),
  };
}

async function failsWith(client: Client, message: string): Promise<void> {
  const status = { code: STATUS.code, message };
  const stub = client.service(TestService);
  const expected = { code: 'UNKNOWN', reason: message };
  await assert.rejects(stub.UnaryCall({ status }), expected);
  await assert.rejects(stub.FullDuplexCall([{ status }])[Symbol.asyncIterator]().next(), expected);
}

/** The cases of gRPC's interoperability tests by their names, in the words of this library. */
export const INTEROP_CASES: Readonly<Record<string, (rig: InteropRig) => Promise<void>>> = {
  async empty_unary({ client }) {
    assert.equal(await client.service(TestService).EmptyCall(), undefined);
  },

  large_unary: ({ client }) => largeUnary(client),

  async client_streaming({ client }) {
    const payloads = REQUEST_SIZES.map((size) => new Uint8Array(size));
    assert.equal(await client.service(TestService).StreamingInputCall(payloads), 74_922);
  },

  async server_streaming({ client }) {
    const sizes: number[] = [];
    const responses = RESPONSE_SIZES.map((size) => ({ size }));
    for await (const { length } of client.service(TestService).StreamingOutputCall(responses)) sizes.push(length);
    assert.deepEqual(sizes, RESPONSE_SIZES);
  },

  async ping_pong({ client }) {
    const { say, source } = conversation();
    const answers = client.service(TestService).FullDuplexCall(source)[Symbol.asyncIterator]();
    for (const [index, size] of REQUEST_SIZES.entries()) {
      say({ payload: new Uint8Array(size), response: { size: RESPONSE_SIZES[index]! } });
      const { value } = (await answers.next()) as { value: Uint8Array };
      assert.equal(value.length, RESPONSE_SIZES[index]);
    }
    say(undefined);
    assert.equal((await answers.next()).done, true);
  },

  async empty_stream({ client }) {
    for await (const _ of client.service(TestService).FullDuplexCall([])) assert.fail('an answer to nothing');
  },

  // Metadata is text here: what gRPC sends as bytes is base64, as it is on gRPC's wire too.
  async custom_metadata({ client }) {
    const metadata: Metadata = {
      [ECHOED[0]!]: 'test_initial_metadata_value',
      [ECHOED[1]!]: Buffer.from('ababab', 'hex').toString('base64'),
    };
    const seen: Metadata[] = [];
    const onResponse = (info: { metadata: Metadata }): void => void seen.push({ ...info.metadata });
    const stub = client.service(TestService).with({ metadata, onResponse });
    await stub.UnaryCall(LARGE);
    for await (const { length } of stub.FullDuplexCall([LARGE])) assert.equal(length, 314_159);
    assert.deepEqual(seen, [metadata, metadata]);
  },

  status_code_and_message: ({ client }) => failsWith(client, STATUS.message),

  special_status_message: ({ client }) => failsWith(client, SPECIAL),

  unimplemented_method: ({ client }) => unimplemented(client, TestService.name),

  async unimplemented_service({ open }) {
    // A server that has it not is found by a client that was told to go there.
    await unimplemented(open(), 'grpc.testing.UnimplementedService');
  },

  async cancel_after_begin({ client }) {
    const controller = new AbortController();
    const { source } = conversation();
    const result = client
      .service(TestService)
      .with({ signal: controller.signal })
      .StreamingInputCall(source as never);
    controller.abort();
    await assert.rejects(result, { code: 'CANCELLED' });
  },

  async cancel_after_first_response({ client }) {
    const controller = new AbortController();
    const { say, source } = conversation();
    const stub = client.service(TestService).with({ signal: controller.signal });
    const answers = stub.FullDuplexCall(source)[Symbol.asyncIterator]();
    say({ payload: new Uint8Array(27_182), response: { size: 31_415 } });
    assert.equal(((await answers.next()) as { value: Uint8Array }).value.length, 31_415);
    controller.abort();
    await assert.rejects(answers.next(), { code: 'CANCELLED' });
  },

  async timeout_on_sleeping_server({ client }) {
    const { say, source } = conversation();
    const answers = client.service(TestService).with({ timeoutMs: 1 }).FullDuplexCall(source)[Symbol.asyncIterator]();
    say({ payload: new Uint8Array(27_182), response: { size: 31_415, intervalMs: 1 } });
    await assert.rejects(answers.next(), { code: 'DEADLINE_EXCEEDED' });
  },

  // What is in flight at once is bounded on both sides, and refused beyond it. A client that wants to wait instead says so.
  async concurrent_large_unary({ open, divisor }) {
    const client = open({ concurrency: { max: 16, queue: 1_000 } });
    await Promise.all(Array.from({ length: CONCURRENT_CALLS / divisor }, () => largeUnary(client)));
  },

  async rpc_soak({ client, divisor }) {
    for (let call = 0; call < SOAK_CALLS / divisor; call++) await largeUnary(client);
  },

  async channel_soak({ open, divisor }) {
    for (let channel = 0; channel < SOAK_CHANNELS / divisor; channel++) {
      const client = open();
      await largeUnary(client);
      await client.close();
    }
  },
};
