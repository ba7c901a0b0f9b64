import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { memory } from '../memory/memory.js';
import { registryFromString } from './registry-string.js';

describe('registryFromString()', () => {
  it('makes a local registry', () => {
    assert.match(registryFromString('local:').display, /^local:.+org-rpc/);
    assert.equal(registryFromString(`local:${tmpdir()}/shop`).display, `local:${tmpdir()}/shop`);
    assert.equal(registryFromString(`LOCAL:///shop`).display, 'local:/shop');
  });

  it('makes a direct registry of one address or several', () => {
    assert.equal(registryFromString('direct://10.0.0.7:4399').display, 'direct://10.0.0.7:4399');
    assert.equal(registryFromString('direct://[::1]:1,unix:/run/x').display, 'direct://[::1]:1 and 1 more');
  });

  it('makes a registry of a DNS name, or of its service records', () => {
    assert.equal(registryFromString('dns://users.prod.svc:4399').display, 'dns://users.prod.svc:4399');
    assert.equal(registryFromString('dns+srv://_rpc._tcp.users.prod').display, 'dns+srv://_rpc._tcp.users.prod');
  });

  it('gives a string of a further scheme to what was given for it, whole', () => {
    const registry = memory();
    const texts: string[] = [];
    const etcd = (text: string): typeof registry => {
      texts.push(text);
      return registry;
    };
    assert.equal(registryFromString('etcd://h:2379/prefix', { etcd }), registry);
    assert.deepEqual(texts, ['etcd://h:2379/prefix']);
  });

  it('lists the forms when it does not know one, with what was probably meant, and no secrets', () => {
    const schemes = { etcd: () => memory() };
    assert.throws(
      () => registryFromString('etdc://root:secret@h:2379', schemes),
      (error) => {
        assert.ok(error instanceof TypeError);
        const forms =
          'local:, local:/directory, direct://host:port,host:port, dns://name:port, dns+srv://name, etcd://...';
        assert.equal(error.message, `registry: unknown scheme "etdc" (did you mean "etcd"?); the forms are ${forms}`);
        return true;
      },
    );
  });

  for (const text of ['', 'local', '/tmp', '10.0.0.7:4399', '://x', 'constructor://x', 'toString:']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => registryFromString(text), /^TypeError: registry: .*the forms are local:/);
    });
  }

  for (const text of [
    'local:here',
    'direct:',
    'direct://',
    'direct:h:1',
    'direct://h',
    'direct://h:1,',
    'direct://h:1;h:2',
    'dns:',
    'dns://',
    'dns://h',
    'dns://10.0.0.7:1',
    'dns+srv://',
    'dns+srv://a b',
  ]) {
    it(`refuses ${JSON.stringify(text)}, naming the scheme`, () => {
      assert.throws(() => registryFromString(text), /^TypeError: .*(direct|local|dns)/);
    });
  }

  it('refuses what is no string', () => {
    assert.throws(() => registryFromString(7 as never), /registry: a string is needed, got 7/);
  });
});
