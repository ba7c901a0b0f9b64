import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_LIMITS } from '../../../packages/rpc-core/src/limits.js';
import { FrameType, HEADER_BYTES, ReplyFlag } from '../../../packages/wire/src/frames/frame.js';
import type { FuzzTarget } from '../fuzz-target.js';
import { frame, frameBoundaries, SERVER_FRAMES, session } from '../grammar/frames.js';
import { CODEC } from '../grammar/message-pack.js';
import { type ClientRun, callAndFeed, finish } from './client-run.js';

const OPAQUE = Buffer.from('fuzzping');

/** A client's connection with calls and streams in flight, and a server that sends anything. */
export const nativeClient: FuzzTarget = {
  name: 'native-client',
  generate: (chance) => session(chance, SERVER_FRAMES, false),
  boundaries: frameBoundaries,
  async run(plan, bytes, held) {
    const run = await callAndFeed(plan, bytes);
    held();
    checkResults(run, bytes);
    await checkEndOrPing(run, bytes);
    await finish(run);
  },
};

/** A result is that of a RESPONSE with the id of the call, never another's. */
function checkResults({ calls }: ClientRun, bytes: Buffer): void {
  for (const { call, error, value, settled } of calls) {
    if (settled === 0 || error !== undefined || call.oneWay || call.stream !== undefined) continue;
    const results = responses(bytes, call.id);
    // A stream's END without a result settles nothing else; pieces and compression are beyond this plain reading.
    if (results === 'unknown') continue;
    assert.ok(
      results.some((result) => isDeepStrictEqual(result, value)),
      `call ${call.id} got what no RESPONSE of its id holds`,
    );
  }
}

function responses(bytes: Buffer, id: number): unknown[] | 'unknown' {
  const found: unknown[] = [];
  const decode = CODEC.createDecoder(DEFAULT_LIMITS);
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const start = at + HEADER_BYTES;
    const end = start + bytes.readUInt32BE(at);
    const [type, flags] = [bytes[at + 4]!, bytes[at + 5]!];
    if (bytes.readUInt32BE(at + 6) === id && end <= bytes.length) {
      if (type === FrameType.END || (flags & 0x18) !== 0) return 'unknown';
      if (type === FrameType.RESPONSE) {
        let payload = start + ((flags & ReplyFlag.LOAD) !== 0 ? 4 : 0);
        if ((flags & ReplyFlag.METADATA) !== 0 && payload + 2 <= end) payload += 2 + bytes.readUInt16BE(payload);
        try {
          found.push(payload === end ? undefined : decode(bytes, payload, end));
        } catch {
          // That one gave no result.
        }
      }
    }
    at = end;
  }
  return found;
}

async function checkEndOrPing(run: ClientRun, bytes: Buffer): Promise<void> {
  const { clock, tap, closedReasons, connection } = run;
  const isByPeer = (reason: string): boolean => /^closed by the server|other end|has read nothing|PING/.test(reason);
  if (closedReasons.length === 0) {
    const missing = missingBytes(bytes);
    // Beyond that the connection may be in the middle of a frame that it skips.
    if (missing > 100_000) return;
    tap.stream.write(Buffer.alloc(missing));
    await clock.advance(0);
    tap.stream.write(frame(FrameType.PING, 0, 0, OPAQUE));
    await clock.advance(0);
    const isAnswered = tap.frames.some(({ type, head }) => type === FrameType.PONG && head.equals(OPAQUE));
    if (isAnswered || tap.isEnded || tap.isClosed) return;
    for (let second = 0; second < 45 && closedReasons.length === 0; second++) {
      await clock.advance(1_000);
      connection.tick(clock.now());
    }
    assert.ok(closedReasons.length > 0, 'it is open and does not answer a PING');
  }
  const reason = closedReasons[0]!;
  if (isByPeer(reason) || run.isDraining) return;
  assert.ok(
    tap.frames.some(({ type }) => type === FrameType.GOAWAY),
    `no GOAWAY for: ${reason}`,
  );
}

function missingBytes(bytes: Buffer): number {
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) at += HEADER_BYTES + bytes.readUInt32BE(at);
  if (at >= bytes.length) return at - bytes.length;
  const header = Buffer.alloc(HEADER_BYTES);
  bytes.copy(header, 0, at);
  return at + HEADER_BYTES + header.readUInt32BE(0) - bytes.length;
}
