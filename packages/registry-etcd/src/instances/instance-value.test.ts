import assert from 'node:assert/strict';
import type { Endpoint } from '@org/rpc-registry';
import { formatInstanceValue, parseInstanceValue } from './instance-value.js';

describe('parseInstanceValue', () => {
  const full: Endpoint = {
    id: 'a1',
    host: '2001:db8::1',
    port: 4399,
    weight: 7,
    zone: 'zone-a',
    tags: { team: 'payments & billing' },
    version: '1.2.3',
    state: 'draining',
  };
  const parse = (value: unknown, id = 'a1') => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return parseInstanceValue(Buffer.from(text), id);
  };
  const refuses = (value: unknown, problem: RegExp): void => {
    const parsed = parse(value);
    assert.equal(parsed.endpoint, undefined, JSON.stringify(value));
    assert.match(parsed.problem ?? '', problem);
  };

  it('reads what was written', () => {
    assert.deepEqual(parse(formatInstanceValue(full)).endpoint, full);
  });

  it('reads a unix socket', () => {
    const endpoint: Endpoint = { id: 'a1', host: '', port: 0, path: '/run/rpc socket', weight: 100, state: 'up' };
    assert.deepEqual(parse(formatInstanceValue(endpoint)).endpoint, endpoint);
  });

  it('takes an entry written by hand with nothing but an address', () => {
    assert.deepEqual(parse({ host: 'h1', port: 1 }).endpoint, {
      id: 'a1',
      host: 'h1',
      port: 1,
      weight: 100,
      state: 'up',
    });
  });

  it('leaves out fields that it does not know', () => {
    const { endpoint } = parse('{"host":"h1","port":1,"__proto__":{"polluted":1},"constructor":1,"later":2}');
    assert.deepEqual(Object.keys(endpoint ?? {}).sort(), ['host', 'id', 'port', 'state', 'weight']);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it('refuses a tag called __proto__', () => {
    refuses('{"host":"h1","port":1,"tags":{"__proto__":"x"}}', /__proto__/);
  });

  it('freezes the endpoint', () => {
    const { endpoint } = parse(formatInstanceValue(full));
    assert.ok(Object.isFrozen(endpoint) && Object.isFrozen(endpoint?.tags));
  });

  it('refuses what is no JSON object', () => {
    for (const text of ['', 'null', '[]', '"x"', '1', '{', '\ufeff{}', '{"host":"h1"', '['.repeat(60_000)])
      refuses(text, /./);
    assert.equal(parseInstanceValue(Buffer.from([0xff, 0xfe, 0x7b]), 'a1').endpoint, undefined);
    assert.equal(parseInstanceValue(Buffer.from('{"host":"h1","port":1}', 'utf16le'), 'a1').endpoint, undefined);
  });

  it('refuses a value that is too large, unread', () => {
    refuses(`${' '.repeat(64 * 1024)}{"host":"h1","port":1}`, /bytes are more than 65536/);
  });

  it('refuses an id other than that of the key', () => {
    refuses({ id: 'b2', host: 'h1', port: 1 }, /id must be that of its key, "a1", got "b2"$/);
  });

  it('refuses a newer schema', () => {
    refuses({ schema: 2, host: 'h1', port: 1 }, /schema must be 1, got 2; a newer version wrote it$/);
  });

  it('refuses wrong fields, naming field and value', () => {
    const address = { host: 'h1', port: 1 };
    refuses({ ...address, host: 'h1\r\nX: y' }, /host must be .* got "h1\\r\\nX: y"$/);
    refuses({ ...address, port: '80' }, /port must be an integer from 1 to 65535, got "80"$/);
    refuses({ ...address, weight: 1e308 }, /weight must be/);
    refuses({ ...address, state: 'down' }, /state must be "up", "unavailable" or "draining", got "down"$/);
    refuses({ ...address, tags: { a: 1 } }, /tag a must be/);
  });
});
