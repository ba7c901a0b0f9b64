import type { FrameSink } from '../src/frames/frame-reader.js';

/** A sink of a frame reader for tests that want whole frames: puts the parts of pieces together. */
export function wholeFrames({ frame, oversized }: Pick<FrameSink, 'frame' | 'oversized'>): FrameSink {
  let parts: Buffer[] = [];
  let restBytes = 0;
  let give: (body: Buffer) => void = () => {};
  const add = (bytes: Buffer, start: number, end: number): void => {
    parts.push(Buffer.from(bytes.subarray(start, end)));
    if (restBytes === 0) give(Buffer.concat(parts));
  };
  return {
    given: undefined,
    frame,
    oversized,
    part: (type, flags, id, bytes, start, end, rest) => {
      parts = [];
      restBytes = rest;
      give = (body) => frame(type, flags, id, body, 0, body.length);
      add(bytes, start, end);
    },
    further: (bytes, start, end) => {
      restBytes -= end - start;
      add(bytes, start, end);
    },
  };
}
