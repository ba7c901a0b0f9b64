import assert from 'node:assert/strict';
import { createClient, createServer, direct, memory, systemClock } from '../../packages/rpc/src/index.js';
import { TestAuthority } from '../../packages/wire/test/certificates.js';
import { assertOutcome } from './assert-outcome.js';
import { TLS } from './coverage.js';
import { invoke } from './invoke.js';
import { Conformance, conformanceHandlers } from './service.js';
import { conformanceCases } from './suite.js';

describe('the conformance suite of Connect, with certificates of clients', function () {
  this.timeout(30_000);
  let authority: TestAuthority;
  before(() => {
    authority = new TestAuthority();
  });
  after(() => authority.remove());

  for (const testCase of conformanceCases(TLS)) {
    it(testCase.request.testName, async () => {
      const callers: (string | undefined)[] = [];
      const server = createServer({
        registry: memory(),
        tls: { ...authority.issue(), ca: authority.ca, requestClientCertificate: 'require' },
        authorize: ({ peer }) => void callers.push(peer.identity),
      });
      server.add(Conformance, conformanceHandlers(systemClock));
      const { port } = await server.listen({ host: '127.0.0.1' });
      const own = authority.issue({ names: 'DNS:conformance' });
      const client = createClient({ registry: direct([`127.0.0.1:${port}`]), tls: { ...own, ca: authority.ca } });
      assertOutcome(await invoke(testCase, { client, clock: systemClock }), testCase);
      assert.deepEqual(callers, ['conformance']);
      await client.close();
      await server.close({ drainMs: 0, graceMs: 0 });
    });
  }
});
