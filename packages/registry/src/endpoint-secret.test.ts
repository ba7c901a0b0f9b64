import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { readEndpoint, sameEndpoint } from './endpoint-data.js';
import { createEndpointSecret, readEndpointSecret } from './endpoint-secret.js';
import { decodeEntry, encodeEntry } from './local/local-entry.js';

describe('the secret of an endpoint', () => {
  const secret = createEndpointSecret();
  const endpoint = readEndpoint('test', { id: 'a', host: '127.0.0.1', port: 4399, secret });
  const owner = { pid: 7, startedAt: '1 boot', machine: 'here' };

  it('is in no text that shows the endpoint', () => {
    const shown = [inspect(endpoint, { depth: 9, showHidden: true }), JSON.stringify(endpoint), `${endpoint.secret}`];
    assert.ok(!shown.join().includes(secret.reveal()));
    assert.equal(endpoint.secret?.reveal(), secret.reveal());
  });

  it('is in the entry of a local registry, and back', () => {
    const entry = { instance: { services: ['a'], endpoint }, owner, token: 't', left: false };
    const read = decodeEntry(Buffer.from(encodeEntry(entry)));
    assert.equal(read.instance.endpoint.secret?.reveal(), secret.reveal());
    assert.ok(sameEndpoint(read.instance.endpoint, endpoint));
  });

  it('tells two endpoints apart', () => {
    assert.ok(!sameEndpoint(endpoint, { ...endpoint, secret: createEndpointSecret() }));
    assert.ok(!sameEndpoint(endpoint, { ...endpoint, secret: undefined }));
  });

  it('is not taken from what some other registry says', () => {
    assert.equal(readEndpoint('test', { id: 'a', host: 'h', port: 1, secret: secret.reveal() }).secret, undefined);
  });

  it('is refused when it is none', () => {
    for (const bad of ['', 'x', 7, null, `${secret.reveal()}=`])
      assert.throws(() => readEndpointSecret('entry', bad), /^TypeError: entry: secret is not one of a server$/);
  });
});
