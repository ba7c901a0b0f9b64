import assert from 'node:assert/strict';
import { local } from '@org/rpc-registry';
import { ownSecret, type SecretFacts } from './own-secret.js';

const FACTS: SecretFacts = {
  registry: local({ directory: '/nowhere' }),
  address: { host: '127.0.0.1', path: undefined },
  knowsCallers: false,
  anyUser: false,
};
const at = (host: string): SecretFacts['address'] => ({ host, path: undefined });

describe('the secret of a server', () => {
  for (const [what, facts, isDemanded] of [
    ['on the loopback address', {}, true],
    ['on the loopback address of IPv6', { address: at('::1') }, true],
    ['on localhost', { address: at('localhost') }, true],
    ['on all interfaces', { address: at('0.0.0.0') }, false],
    ['on an address of the network', { address: at('10.0.0.7') }, false],
    ['that knows its callers', { knowsCallers: true }, false],
    ['that is for every user', { anyUser: true }, false],
  ] as const) {
    it(`is ${isDemanded ? 'demanded' : 'only shown'} by one ${what}`, () => {
      assert.equal(ownSecret({ ...FACTS, ...facts })?.isDemanded, isDemanded);
    });
  }

  it('is another one each time', () => {
    assert.notEqual(ownSecret(FACTS)!.secret.reveal(), ownSecret(FACTS)!.secret.reveal());
  });

  it('is none on a unix socket, nor where others read the entry', () => {
    assert.equal(ownSecret({ ...FACTS, address: { host: '', path: '/run/x' } }), undefined);
    assert.equal(ownSecret({ ...FACTS, registry: {} }), undefined);
  });
});
