import assert from 'node:assert/strict';
import { hex } from '../../test/codec-helpers.js';
import { foreignAnswer } from './plain-answer.js';

describe('the answer to bytes of another protocol', () => {
  it('is an HTTP response for an HTTP request, with the text as its body', () => {
    for (const method of ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT', 'PRI']) {
      const { answer, reason } = foreignAnswer(Buffer.from(`${method} / HTTP/1.1\r\n\r\n`));
      const [head, body] = answer.toString().split('\r\n\r\n') as [string, string];
      assert.match(head, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(head, /\r\nConnection: close$/);
      assert.equal(Number(/Content-Length: (\d+)/.exec(head)?.[1]), Buffer.byteLength(body));
      assert.equal(body, `${reason}\n`);
      assert.match(reason, /first byte 0xc1\) or MessagePack-RPC; an HTTP request came instead$/);
    }
  });

  for (const [name, bytes, came] of [
    ['TLS', hex('16 03 01 02 00'), 'a TLS handshake'],
    ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), 'an SSH greeting'],
    ['zeros', Buffer.alloc(64), '0x00'],
    ['anything else', hex('ab cd'), '0xab'],
    ['words that only look like HTTP', Buffer.from('GETTING'), '0x47'],
  ] as const) {
    it(`is plain text that names ${name}`, () => {
      const { answer, reason } = foreignAnswer(bytes);
      assert.equal(answer.toString(), `${reason}\n`);
      assert.match(reason, /^this is a port of @org\/rpc, which expects its own protocol/);
      assert.ok(reason.includes(came), reason);
    });
  }
});
