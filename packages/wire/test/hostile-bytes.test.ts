import assert from 'node:assert/strict';
import { seededRandom } from '@org/rpc-testkit';
import { FrameType, HEADER_BYTES, PREFACE } from '../src/frames/frame.js';
import { hex } from './codec-helpers.js';
import { helloFrame, rawFrame, readGoAway } from './raw-peer.js';
import { readAll, type TcpRig, tcpRig } from './tcp-rig.js';

const random = seededRandom(1);
const NOISE = Buffer.from(
  Array.from({ length: 1_024 }, (_, index) => (index === 0 ? 0x7f : Math.floor(random() * 256))),
);

describe('a port that is met by strangers', () => {
  let rig: TcpRig;
  before(async () => {
    rig = await tcpRig();
  });
  after(() => rig.close());

  for (const [name, bytes, answer] of [
    [
      'curl',
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      /^HTTP\/1\.1 400 Bad Request\r\n.*\r\n\r\nthis is a port of @org\/rpc.*an HTTP request came/s,
    ],
    ['an HTTP/2 client', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), /^HTTP\/1\.1 400 .*an HTTP request came/s],
    ['a TLS client', hex('16 03 01 02 00 01 00 01 fc 03 03'), /^this is a port of @org\/rpc.*a TLS handshake came/],
    ['an SSH client', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), /an SSH greeting came/],
    ['zeros', Buffer.alloc(64), /0x00 came/],
    ['noise', NOISE, /0x7f came/],
    ['a single byte', Buffer.from('x'), /0x78 came/],
  ] as const) {
    it(`answers ${name} in plain words and closes; others notice nothing`, async () => {
      const socket = await rig.open();
      socket.write(bytes);
      assert.match((await readAll(socket)).toString(), answer);
      assert.equal(await rig.echo(name), name);
    });
  }

  it('delivers the reason for closing every time, though the peer goes on writing', async () => {
    const junk = Buffer.alloc(256 * 1024, 0xee);
    for (let round = 0; round < 20; round++) {
      const socket = await rig.open();
      const writeMore = (): void => {
        while (socket.writable && socket.write(junk));
      };
      socket.on('drain', writeMore);
      socket.write(Buffer.concat([PREFACE, helloFrame(), rawFrame(FrameType.HELLO), junk]));
      writeMore();
      const bytes = await readAll(socket);
      const helloEnd = HEADER_BYTES + bytes.readUInt32BE(0);
      const goAway = { type: bytes[helloEnd + 4]!, flags: 0, id: 0, body: bytes.subarray(helloEnd + HEADER_BYTES) };
      assert.deepEqual(readGoAway(goAway), { code: 1, reason: 'a second HELLO' }, `round ${round}`);
    }
    assert.equal(await rig.echo('fine'), 'fine');
  });
});
