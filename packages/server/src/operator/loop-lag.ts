/** How far back the worst one is looked for, in milliseconds. */
const SPAN_MS = 60_000;
/** Of so many spans each keeps its worst one. */
const PARTS = 60;
const PART_MS = SPAN_MS / PARTS;

/**
 * How late the event loop was, as the ticks of a server find it about once a second: a sample, so that one of them may miss a loop that
 * stands still now and then, and the worst of a minute hardly does.
 */
export class LoopLag {
  #lastMs = 0;
  /** The worst of each part, in a ring, and the number of the part that it is of. */
  readonly #worst = new Float64Array(PARTS);
  readonly #part = new Float64Array(PARTS).fill(-1);

  /** @param now - milliseconds of the clock, 0 or more */
  record(lateMs: number, now: number): void {
    this.#lastMs = Math.max(0, lateMs);
    const part = Math.floor(now / PART_MS);
    const at = part % PARTS;
    if (this.#part[at] !== part) this.#worst[at] = 0;
    this.#part[at] = part;
    this.#worst[at] = Math.max(this.#worst[at]!, this.#lastMs);
  }

  /** How late the last turn was, in milliseconds. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** The worst of the last minute, in milliseconds. */
  worstMs(now: number): number {
    const from = Math.floor(now / PART_MS) - PARTS;
    let worst = 0;
    for (let at = 0; at < PARTS; at++) if (this.#part[at]! > from) worst = Math.max(worst, this.#worst[at]!);
    return worst;
  }
}
