import assert from 'node:assert/strict';
import { type Client, createServer, memory, type Server } from '../../packages/rpc/src/index.js';
import { connect, FakeClock, seededRandom } from '../../packages/testkit/src/index.js';
import { assertOutcome } from './assert-outcome.js';
import { NEUTRAL } from './coverage.js';
import type { Outcome } from './expected.js';
import { invoke } from './invoke.js';
import { Conformance, conformanceHandlers } from './service.js';
import { type ConformanceCase, conformanceCases } from './suite.js';

const MESSAGE_BYTES = 16_384;

describe('the conformance suite of Connect', () => {
  for (const file of NEUTRAL) {
    describe(file, () => {
      for (const testCase of conformanceCases(file)) {
        it(testCase.request.testName, async () => {
          const clock = new FakeClock(1_000);
          const server = createServer({ registry: memory(), clock, limits: { messageBytes: MESSAGE_BYTES } });
          server.add(Conformance, conformanceHandlers(clock));
          const client = connect(server, { clock, random: seededRandom(1) });
          await run(testCase, { clock, server, client });
          await client.close();
        });
      }
    });
  }
});

async function run(
  testCase: ConformanceCase,
  { clock, server, client }: { clock: FakeClock; server: Server; client: Client },
): Promise<void> {
  // The server's greeting, which has its limits, comes with the first answer.
  const warm = client.service(Conformance).Unary({});
  await clock.advance(10);
  await warm;
  const startedAt = clock.now();
  const pending = invoke(testCase, { client, clock, messageBytes: MESSAGE_BYTES });
  let outcome: Outcome | undefined;
  pending.then(
    (value) => (outcome = value),
    () => {},
  );
  while (outcome === undefined && clock.now() - startedAt < 5_000) await clock.advance(5);
  assertOutcome(await pending, testCase);
  // Neither a cancel nor an error leaves anything behind, and the connection goes on.
  await clock.advance(0);
  assert.equal(server.running, 0);
  const again = client.service(Conformance).Unary({});
  await clock.advance(10);
  assert.equal((await again).data, '');
}
