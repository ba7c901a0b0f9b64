import assert from 'node:assert/strict';
import { rpcError } from '@org/rpc-core/internal';
import fc from 'fast-check';
import { encoded, hex } from '../../../test/codec-helpers.js';
import { message } from '../../../test/message-pack-rpc-peer.js';
import { answersTo, held, messagePackRpcRig as rig } from '../../../test/message-pack-rpc-rig.js';
import { UnknownExtension } from '../../codec/extensions.js';

const ECHO = message(0, 1, 'test.echo', ['hi']);
const ECHOED = [1, 1, null, 'hi'];

describe('a server that is spoken to in MessagePack-RPC', () => {
  it('answers a request', async () => {
    assert.deepEqual((await answersTo(ECHO)).messages, [ECHOED]);
  });

  for (const [name, bytes] of [
    ['a bare method', message(0, 1, 'echo', ['hi'])],
    ['the method as bin', message(0, 1, Buffer.from('test.echo'), ['hi'])],
    ['an array with a 16-bit header', Buffer.concat([hex('dc 00 04'), ECHO.subarray(1)])],
    ['an array with a 32-bit header', Buffer.concat([hex('dd 00 00 00 04'), ECHO.subarray(1)])],
    [
      'integers in their longest form',
      Buffer.concat([hex('94 d3 0000000000000000 cf 0000000000000001'), ECHO.subarray(3)]),
    ],
    ['the method as str 8', Buffer.concat([hex('94 00 01 d9 09'), Buffer.from('test.echo'), encoded(['hi'])])],
    ['the method as str 16', Buffer.concat([hex('94 00 01 da 0009'), Buffer.from('test.echo'), encoded(['hi'])])],
    ['the method as str 32', Buffer.concat([hex('94 00 01 db 00000009'), Buffer.from('test.echo'), encoded(['hi'])])],
    ['the method as bin 16', Buffer.concat([hex('94 00 01 c5 0009'), Buffer.from('test.echo'), encoded(['hi'])])],
    ['the method as bin 32', Buffer.concat([hex('94 00 01 c6 00000009'), Buffer.from('test.echo'), encoded(['hi'])])],
  ] as const) {
    it(`takes ${name}`, async () => {
      assert.deepEqual((await answersTo(bytes)).messages, [ECHOED]);
    });
  }

  it('takes any id up to 2^32 - 1, in any order of answers', async () => {
    const { peer, host, settle } = rig();
    const waiting = held(host, 'wait');
    peer.send(...[0, 0xffff_ffff, 128, 65_536].map((id) => message(0, id, 'wait', [])));
    await settle();
    for (const resolve of waiting.reverse()) resolve('done');
    await settle();
    assert.deepEqual(
      peer.messages,
      [65_536, 128, 0xffff_ffff, 0].map((id) => [1, id, null, 'done']),
    );
  });

  it('runs notifications and does not answer them', async () => {
    const { messages, host } = await answersTo(message(2, 'test.echo', ['hi']));
    assert.deepEqual(messages, []);
    assert.deepEqual(
      host.calls.map(({ oneWay, args }) => ({ oneWay, args })),
      [{ oneWay: true, args: ['hi'] }],
    );
  });

  it('answers a result of undefined with nil, the only nothing that every language has', async () => {
    const { peer, host, settle } = rig();
    host.methods['nothing'] = () => undefined;
    peer.send(message(0, 1, 'nothing', []));
    await settle();
    assert.deepEqual(peer.bytes, hex('94 01 01 c0 c0'));
  });

  it('keeps extensions of types that it does not know as they are', async () => {
    const extension = new UnknownExtension(5, Buffer.from('abc'));
    const { messages } = await answersTo(message(0, 1, 'echo', [extension]));
    assert.deepEqual(messages, [[1, 1, null, extension]]);
  });

  it('takes maps with other keys than texts as Map, and sends such back', async () => {
    for (const map of ['81 01 a1 61', '81 c0 01', '81 c4 01 61 01', '81 91 01 02', '82 01 02 a1 61 03']) {
      const bytes = Buffer.concat([hex('94 00 01'), encoded('echo'), hex(`91 ${map}`)]);
      const { peer, settle } = rig();
      peer.send(bytes);
      await settle();
      assert.deepEqual(peer.bytes, Buffer.concat([hex('94 01 01 c0'), hex(map)]));
    }
  });

  it('neither reads nor writes our own extensions', async () => {
    const { peer, host, settle } = rig();
    const types: string[] = [];
    host.methods['kinds'] = (...values: unknown[]) => {
      // The last argument is the call itself.
      types.push(...values.slice(0, -1).map((value) => (value as object).constructor.name));
      return [undefined, new Set([1]), new Error('no'), 2n ** 64n, new Uint16Array([1])];
    };
    peer.send(Buffer.concat([hex('94 00 01'), encoded('kinds'), hex('93 d4 00 00 d4 6d 90 d4 42 01')]));
    await settle();
    assert.deepEqual(types, Array(3).fill('UnknownExtension'));
    const sent = [null, [1], { name: 'Error', message: 'no' }, '18446744073709551616', [1]];
    assert.deepEqual(peer.messages, [[1, 1, null, sent]]);
  });

  it('takes text that is not UTF-8 as bytes', async () => {
    const request = Buffer.concat([hex('94 00 01'), encoded('echo'), hex('91 a2 c3 28')]);
    const { messages } = await answersTo(request);
    assert.deepEqual(messages, [[1, 1, null, Buffer.from([0xc3, 0x28])]]);
  });

  it('sends errors as a text of code and reason', async () => {
    const { peer, host, settle } = rig();
    host.methods['fail'] = () => {
      throw rpcError('NOT_FOUND', 'no such user');
    };
    peer.send(message(0, 7, 'fail', []));
    await settle();
    assert.deepEqual(peer.messages, [[1, 7, 'NOT_FOUND: no such user', null]]);
  });

  it('gives the same calls however the bytes are cut', async () => {
    const stream = Buffer.concat([
      message(0, 1, 'test.echo', ['first', { a: [1, 2, 3] }]),
      message(2, 'echo', [Buffer.alloc(40, 7)]),
      message(1, 9, null, 'orphan'),
      message(0, 2, 'echo', ['x'.repeat(300)]),
    ]);
    const told = async (cuts: readonly number[]) => {
      const { peer, host, settle } = rig();
      let from = 0;
      for (const cut of [...cuts, stream.length]) {
        if (cut > from) peer.send(stream.subarray(from, cut));
        from = Math.max(from, cut);
      }
      await settle();
      return {
        calls: host.calls.map(({ id, method, args, oneWay }) => ({ id, method, args, oneWay })),
        answers: peer.messages,
      };
    };
    const whole = await told([]);
    assert.equal(whole.calls.length, 3);
    assert.equal(whole.answers.length, 2);
    assert.deepEqual(await told(Array.from(stream.keys())), whole);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(stream.length), { maxLength: 12 }), async (cuts) => {
        assert.deepEqual(await told(cuts.sort((a, b) => a - b)), whole);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a message that is none of MessagePack-RPC', () => {
  for (const [name, bytes] of [
    ['a request of three items', hex('93 00 01 a1 6d')],
    ['five items', hex('95 00 01 a1 6d 90 90')],
    ['no items', hex('90')],
    ['a number', hex('05')],
    ['a map', hex('81 a1 61 01')],
    ['type 3', hex('94 03 01 a1 6d 90')],
    ['type -1', hex('94 ff 01 a1 6d 90')],
    ['a type that is text', hex('94 a1 30 01 a1 6d 90')],
    ['an id of nil', hex('94 00 c0 a1 6d 90')],
    ['an id that is text', hex('94 00 a1 31 a1 6d 90')],
    ['an id with a fraction', hex('94 00 cb 3ff8000000000000 a1 6d 90')],
    ['an id of -1', hex('94 00 ff a1 6d 90')],
    ['an id of 2^32', hex('94 00 cf 0000000100000000 a1 6d 90')],
    ['an id of 2^64 - 1', hex('94 00 cf ffffffffffffffff a1 6d 90')],
    ['a byte that MessagePack never uses', hex('c1')],
  ] as const) {
    it(`closes the connection without a word, after the good request before it is answered: ${name}`, async () => {
      const { messages, hasEnded } = await answersTo(Buffer.concat([ECHO, bytes]));
      assert.deepEqual(messages, [ECHOED]);
      assert.ok(hasEnded);
    });
  }
});

describe('a request of MessagePack-RPC that cannot be read to its end', () => {
  for (const [id, head] of [
    [0, '00'],
    [1, '01'],
    [0xffff_ffff, 'ce ffffffff'],
  ] as const)
    it(`is answered by its own id, ${id}, before the connection is closed`, async () => {
      const { messages, hasEnded } = await answersTo(Buffer.concat([ECHO, hex(`94 00 ${head} a1 6d dd ffffffff`)]));
      const [first, second, ...rest] = messages as unknown[][];
      assert.deepEqual(first, ECHOED);
      assert.deepEqual([second?.[0], second?.[1], second?.[3]], [1, id, null]);
      assert.match(String(second?.[2]), /^INVALID_ARGUMENT: /);
      assert.deepEqual(rest, []);
      assert.ok(hasEnded);
    });

  for (const [what, params] of [
    ['a map with a key that is a number', '91 81 01 a1 61'],
    ['a map with a key that is nil', '91 81 c0 a1 61'],
    ['a map with a key that is an array', '91 81 90 a1 61'],
    ['nesting beyond the bound', `${'91'.repeat(80)}c0`],
  ] as const)
    it(`costs no other call when it holds ${what}`, async () => {
      const { host, peer, settle } = rig();
      peer.send(hex(`94 00 00 a4 6563686f ${params}`), hex(`93 02 a4 6563686f ${params}`), ECHO);
      await settle();
      const [first, ...rest] = peer.messages as unknown[][];
      assert.deepEqual([first?.[0], first?.[1]], [1, 0]);
      assert.deepEqual(rest, [ECHOED]);
      assert.deepEqual([host.closedReasons, peer.hasEnded], [[], false]);
    });

  it('is answered by nobody when its id has not come', async () => {
    for (const bytes of ['94 00 ce ff', '94 00', '94']) {
      const { clock, connection, peer, settle } = rig();
      peer.send(hex(bytes));
      await clock.advance(5_001);
      connection.tick(clock.now());
      await settle();
      assert.deepEqual([peer.messages, peer.hasEnded], [[], true], bytes);
    }
  });
});

describe('a request of MessagePack-RPC that is refused', () => {
  for (const [name, method] of [
    ['a number', 1],
    ['nil', null],
    ['an array', []],
    ['empty', ''],
    ['a megabyte long', 'x'.repeat(1 << 20)],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['toString', 'test.toString'],
    ['a dot', '.'],
    ['two dots', '..'],
    ['a path', 'a/b'],
    ['with NUL', 'echo\0'],
  ] as const) {
    it(`leaves the connection as it is: a method that is ${name}`, async () => {
      const { messages, hasEnded } = await answersTo(Buffer.concat([message(0, 5, method, []), ECHO]));
      const [first, second] = messages as unknown[][];
      assert.equal(first?.[1], 5);
      assert.match(String(first?.[2]), /^UNIMPLEMENTED: /);
      assert.deepEqual(second, ECHOED);
      assert.ok(!hasEnded);
    });
  }

  for (const [name, params] of [
    ['nil', hex('c0')],
    ['a map', hex('81 a1 61 01')],
    ['a number', hex('05')],
    ['a map with the key __proto__', hex('91 81 a9 5f5f70726f746f5f5f c0')],
  ] as const) {
    it(`leaves the connection as it is: parameters that are ${name}`, async () => {
      const request = Buffer.concat([hex('94 00 05'), encoded('echo'), params]);
      const { messages, host } = await answersTo(Buffer.concat([request, ECHO]));
      assert.match(String((messages[0] as unknown[])[2]), /^INVALID_ARGUMENT: /);
      assert.deepEqual(messages[1], ECHOED);
      assert.equal(host.ended.length, 2);
    });
  }

  it('is the second with the same id in flight; the first is answered', async () => {
    const { peer, host, settle } = rig();
    const waiting = held(host, 'wait');
    peer.send(message(0, 1, 'wait', []), message(0, 1, 'wait', []));
    await settle();
    waiting[0]!('done');
    await settle();
    assert.deepEqual(peer.messages, [
      [1, 1, 'INVALID_ARGUMENT: a request with the id 1 is in flight already', null],
      [1, 1, null, 'done'],
    ]);
    assert.equal(waiting.length, 1);
  });

  it('is not run when it is not authorized, by the canonical name and before its parameters are read', async () => {
    const { peer, host, settle } = rig();
    const asked: string[] = [];
    host.authorize = ({ service, method, args }) => {
      asked.push(`${service} ${method} ${args.length}`);
      throw rpcError('PERMISSION_DENIED', 'no');
    };
    peer.send(message(0, 1, Buffer.from('echo'), ['hi']), message(0, 2, 'test.echo', ['hi']));
    await settle();
    assert.deepEqual(asked, ['test echo 0', 'test echo 0']);
    assert.deepEqual(peer.messages, [
      [1, 1, 'PERMISSION_DENIED: no', null],
      [1, 2, 'PERMISSION_DENIED: no', null],
    ]);
    assert.equal(host.calls.length, 0);
  });

  it('is what goes beyond the calls in flight', async () => {
    const { peer, host, settle } = rig({ limits: { callsInFlight: 1 } });
    held(host, 'wait');
    peer.send(message(0, 1, 'wait', []), message(0, 2, 'wait', []));
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /^RESOURCE_EXHAUSTED: .*limits\.callsInFlight/);
  });

  it('is one whose result is larger than a message may be', async () => {
    const { peer, host, settle } = rig({ limits: { messageBytes: 1024 } });
    host.methods['large'] = () => 'x'.repeat(2000);
    peer.send(message(0, 1, 'large', []), ECHO);
    await settle();
    assert.match(String((peer.messages[0] as unknown[])[2]), /^OUT_OF_RANGE: the result has 2007 bytes/);
    assert.deepEqual(peer.messages[1], ECHOED);
  });
});

describe('what a peer of MessagePack-RPC may send besides requests', () => {
  it('is ignored, within a bound, when it is answers that nobody asked for', async () => {
    const { host, peer, settle } = rig({ limits: { ignoredFrames: 3 } });
    const answer = message(1, 77, null, 1);
    peer.send(ECHO, answer, answer, answer);
    await settle();
    assert.ok(!peer.hasEnded);
    peer.send(answer);
    await settle();
    assert.match(host.closedReasons[0]!, /too many .*limits\.ignoredFrames/);
    assert.deepEqual([peer.messages, peer.hasEnded], [[ECHOED], true]);
  });

  for (const [name, refused, told] of [
    ['to methods that are not there', message(2, 'test.nothing', []), 101],
    ['of a method that is no name', message(2, 7, []), 101],
    ['of parameters that are none', message(2, 'echo', 7 as never), 0],
  ] as const)
    it(`is dropped when it is notifications ${name}, however many, and harms no call beside them`, async () => {
      const { host, peer, settle } = rig({ limits: { ignoredFrames: 3 } });
      host.methods['late'] = () => new Promise((resolve) => setImmediate(() => resolve('done')));
      peer.send(message(0, 1, 'late', []), Buffer.concat(Array.from({ length: 101 }, () => refused)));
      while (peer.messages.length === 0) await new Promise((resolve) => setImmediate(resolve));
      await settle();
      assert.deepEqual([peer.messages, peer.hasEnded], [[[1, 1, null, 'done']], false]);
      // The server at least is told of those that it never saw.
      assert.deepEqual(host.droppedCodes, new Array(told).fill('UNIMPLEMENTED'));
    });
});
