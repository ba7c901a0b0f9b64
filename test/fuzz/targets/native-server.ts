import assert from 'node:assert/strict';
import { FrameType, HEADER_BYTES, PREFACE } from '../../../packages/wire/src/frames/frame.js';
import { isMessagePackRpc } from '../../../packages/wire/src/frames/message-pack-rpc.js';
import { Chance } from '../chance.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { CLIENT_FRAMES, frame, frameBoundaries, session } from '../grammar/frames.js';
import { finish, type ServerRun, serve } from './server-run.js';

const OPAQUE = Buffer.from('fuzzping');

/** A server's connection and a client that sends anything. */
export const nativeServer: FuzzTarget = {
  name: 'native-server',
  generate: (chance) => session(chance, CLIENT_FRAMES, true),
  boundaries: frameBoundaries,
  async run(plan, bytes, held) {
    const run = await serve(plan, bytes);
    held();
    checkReplies(run, bytes);
    await checkEndOrPing(run, bytes);
    await finish(run, new Chance(plan ^ 0x5555));
  },
};

/** No call is answered more often than it was asked. */
function checkReplies({ tap }: ServerRun, bytes: Buffer): void {
  const asked = new Map<number, number>();
  for (const { type, id } of frames(bytes)) if (type === FrameType.REQUEST) asked.set(id, (asked.get(id) ?? 0) + 1);
  const answered = new Map<number, number>();
  const isNative = bytes[0] === PREFACE[0];
  for (const { type, id } of isNative ? tap.frames : []) {
    if (type !== FrameType.RESPONSE && type !== FrameType.ERROR && type !== FrameType.END) continue;
    const count = (answered.get(id) ?? 0) + 1;
    answered.set(id, count);
    assert.ok(
      count <= (asked.get(id) ?? 0),
      `call ${id} was asked ${asked.get(id) ?? 0} times and answered ${count} times`,
    );
  }
}

/** Either the connection has ended and said why, or it still answers a PING. */
async function checkEndOrPing(run: ServerRun, bytes: Buffer): Promise<void> {
  const { clock, host, tap, connection, limits, hasRead } = run;
  if (bytes.length === 0 || tap.isClosed || !hasRead) return;
  const isNative = bytes.subarray(0, PREFACE.length).equals(PREFACE);
  const closed = (): string | undefined => host.closedReasons[0];
  if (closed() === undefined && isNative) {
    const missing = missingBytes(bytes);
    if (missing > limits.messageBytes) return;
    tap.stream.write(Buffer.alloc(missing));
    await clock.advance(0);
    tap.stream.write(frame(FrameType.PING, 0, 0, OPAQUE));
    await clock.advance(0);
    const isAnswered = tap.frames.some(({ type, head }) => type === FrameType.PONG && head.equals(OPAQUE));
    if (isAnswered || tap.isClosed || tap.isEnded) return;
    // A connection that waits for its greeting, or for room to write, may be silent for a while, but not for ever.
    for (let second = 0; second < 45 && closed() === undefined; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.ok(closed() !== undefined, 'it is open and does not answer a PING');
  }
  const reason = closed();
  if (reason === undefined || /^closed by the client|other end|has read nothing|no answer to a PING/.test(reason))
    return;
  if (isNative)
    assert.ok(
      tap.frames.some(({ type }) => type === FrameType.GOAWAY),
      `no GOAWAY for: ${reason}`,
    );
  // MessagePack-RPC knows no goodbye: a server that drains ends with its last answer, which may be none, and a peer is told what was
  // wrong only where it has said of which call. The end of the connection it sees in any case.
  else if (reason !== 'over') {
    const isOver = isMessagePackRpc(bytes[0]!) && (tap.isEnded || tap.isClosed);
    assert.ok(tap.bytesRead > 0 || isOver, `not a word for: ${reason}`);
  }
}

/** How many bytes the last frame lacks. */
function missingBytes(bytes: Buffer): number {
  let at = PREFACE.length;
  while (at + HEADER_BYTES <= bytes.length) at += HEADER_BYTES + bytes.readUInt32BE(at);
  // A cut header is completed to that of an empty frame, as far as its length does not say otherwise.
  if (at >= bytes.length) return at - bytes.length;
  const header = Buffer.alloc(HEADER_BYTES);
  bytes.copy(header, 0, at);
  return at + HEADER_BYTES + header.readUInt32BE(0) - bytes.length;
}

function* frames(bytes: Buffer): Iterable<{ type: number; id: number }> {
  let at = PREFACE.length;
  while (at + HEADER_BYTES <= bytes.length) {
    yield { type: bytes[at + 4]!, id: bytes.readUInt32BE(at + 6) };
    at += HEADER_BYTES + bytes.readUInt32BE(at);
  }
}
