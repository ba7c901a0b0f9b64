import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FrameType, PREFACE, RequestFlag } from '../src/frames/frame.js';
import { hex } from './codec-helpers.js';
import { greetedServerRig } from './connection-rig.js';
import { helloFrame, readError, requestFrame } from './raw-peer.js';
import { readAll, type TcpRig, tcpRig } from './tcp-rig.js';

const GREETING = Buffer.concat([PREFACE, helloFrame()]);
const WHOLE = Buffer.concat([GREETING, requestFrame(1, ['the argument'])]);

describe('a server whose connections are torn', () => {
  let rig: TcpRig;
  beforeEach(async () => {
    rig = await tcpRig();
  });
  afterEach(() => rig.close());

  it('serves exactly what came whole when a client ends at any byte, and others notice nothing', async () => {
    for (let cut = 0; cut <= WHOLE.length; cut++) {
      const socket = await rig.open();
      socket.end(WHOLE.subarray(0, cut));
      const answered = (await readAll(socket)).includes('the argument');
      assert.equal(answered, cut === WHOLE.length, `cut at ${cut}`);
    }
    await rig.untilClosed(WHOLE.length + 1);
    assert.equal(rig.host.calls.length, 1);
    assert.equal(await rig.echo('fine'), 'fine');
  });

  it('survives resets in the middle of a request, and others notice nothing', async () => {
    let resets = 0;
    for (let cut = 1; cut < WHOLE.length; cut += 7, resets++) {
      const socket = await rig.open();
      await new Promise((resolve) => socket.write(WHOLE.subarray(0, cut), resolve));
      socket.resetAndDestroy();
    }
    await rig.untilClosed(resets);
    assert.equal(rig.host.calls.length, 0);
    assert.equal(await rig.echo('fine'), 'fine');
  });

  it('aborts the handler of a call whose client is reset', async () => {
    let abortReason: unknown;
    const begun = new Promise<void>((resolve) => {
      rig.host.methods['hang'] = (...all: unknown[]) => {
        const { signal } = all.at(-1) as { signal: AbortSignal };
        resolve();
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            abortReason = signal.reason;
            reject(signal.reason as Error);
          });
        });
      };
    });
    const socket = await rig.open();
    socket.write(Buffer.concat([GREETING, requestFrame(1, [], { name: ['test', 'hang'] })]));
    await begun;
    socket.resetAndDestroy();
    await rig.untilClosed(1);
    assert.match((abortReason as Error).message, /the connection to the caller is gone: connection reset/);
  });
});

describe('a client that is gone without a word', () => {
  for (const how of ['a call', 'a stream'] as const)
    it(`is found within two looks while ${how} of it runs, and its handler is told`, async () => {
      const rig = await tcpRig();
      try {
        let abortReason: unknown;
        const begun = new Promise<void>((resolve) => {
          rig.host.methods['hang'] = () => {
            const { signal } = rig.host.calls.at(-1)!;
            resolve();
            const aborted = new Promise<never>((_, reject) => {
              signal.addEventListener('abort', () => {
                abortReason = signal.reason;
                reject(signal.reason as Error);
              });
            });
            if (how === 'a call') return aborted;
            return (async function* () {
              yield await aborted;
            })();
          };
        });
        const socket = await rig.open();
        // Its system says the same as for a process that was killed: the end of one direction, and from then on resets.
        const heard = once(socket, 'data');
        const flags = how === 'a stream' ? RequestFlag.STREAM : 0;
        socket.write(Buffer.concat([GREETING, requestFrame(1, [], { name: ['test', 'hang'], flags })]));
        await Promise.all([begun, heard]);
        socket.on('data', () => {});
        socket.destroy();
        for (let look = 0; look < 50 && rig.host.closedReasons.length === 0; look++) {
          rig.tick();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        assert.equal(rig.host.closedReasons.length, 1);
        assert.match(String(abortReason), /the connection to the caller is gone/);
      } finally {
        await rig.close();
      }
    });
});

describe('arguments that would grow a thousandfold', () => {
  /** Runs the collector, which the process was not started with. */
  const collect = (() => {
    setFlagsFromString('--expose-gc');
    return runInNewContext('gc') as () => void;
  })();

  for (const [name, payload, isMalformed, reason] of [
    [
      '24,000 bytes of nested array headers',
      Buffer.from(hex('dcffff').toString('hex').repeat(8_000), 'hex'),
      true,
      /at byte 3: an array or map of 65535 where only 23997 bytes are left$/,
    ],
    [
      'an array of four billion',
      hex('dd ff ff ff ff'),
      true,
      /at byte 5: an array or map of 4294967295 where only 0 bytes are left$/,
    ],
    [
      'a million nested arrays',
      Buffer.alloc(1_000_000, 0x91),
      false,
      /at byte 65: arrays and maps nested deeper than 64$/,
    ],
  ] as const) {
    it(`are refused at once, for little: ${name}`, async () => {
      const { host, peer, settle } = await greetedServerRig();
      const frame = requestFrame(1, [], { payload });
      collect();
      const before = process.memoryUsage().heapUsed;
      peer.send(frame);
      await settle();
      const grown = process.memoryUsage().heapUsed - before;
      assert.ok(grown < 1_000_000, `the heap has grown by ${grown} bytes`);
      // What is no value at all closes the connection, what is beyond a bound costs its call.
      const said = isMalformed ? peer.goAway.reason : readError(peer.only(FrameType.ERROR)).reason;
      assert.match(said, isMalformed ? /^the arguments are malformed: / : /^the arguments cannot be taken: /);
      assert.match(said, reason);
      assert.deepEqual([host.calls.length, peer.framesOf(FrameType.RESPONSE).length], [0, 0]);
    });
  }
});
