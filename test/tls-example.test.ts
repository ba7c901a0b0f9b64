import assert from 'node:assert/strict';
import { startExample } from './run-example.js';

describe('the TLS example', function () {
  this.timeout(30_000);

  it('greets the client that proves who it is, and refuses the other', async () => {
    const { code, output } = await startExample('tls/main.js', []).ended;
    const [first, second] = output.split('\n');
    assert.equal(first, 'hello, spiffe://example/web');
    assert.match(second!, /^UNAVAILABLE: .*the server demands a certificate of its clients/);
    assert.equal(code, 0, output);
  });
});
