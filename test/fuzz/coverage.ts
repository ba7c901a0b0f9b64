import { type Profiler, Session } from 'node:inspector';

const SOURCES = ['/packages/rpc-core/src/', '/packages/wire/src/'];

/** Which functions and blocks of the sources have been entered, by V8's precise coverage. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<string>();
  readonly #fresh = new Set<string>();
  #reached: string[] = [];
  #isOn = false;

  /** Begins to count. Before that nothing is ever entered. */
  start(): void {
    this.#isOn = true;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** How many functions and blocks have been entered. */
  get size(): number {
    return this.#seen.size;
  }

  /** What was entered since it was last asked and never before; counts it as seen. */
  takeNew(): number {
    this.#fresh.clear();
    for (const mark of this.#take()) {
      if (this.#seen.has(mark)) continue;
      this.#seen.add(mark);
      this.#fresh.add(mark);
    }
    return this.#fresh.size;
  }

  /** What {@link takeNew} has found last. */
  takeMarks(): Set<string> {
    return new Set(this.#fresh);
  }

  /** Whether some of the marks were entered since coverage was last taken. */
  reaches(marks: ReadonlySet<string>): boolean {
    this.#reached = this.#take();
    for (const mark of this.#reached) this.#seen.add(mark);
    return this.#reached.some((mark) => marks.has(mark));
  }

  /** Takes those off that {@link reaches} has met last. */
  claim(marks: Set<string>): void {
    for (const mark of this.#reached) marks.delete(mark);
  }

  /** Forgets what was entered since coverage was last taken. */
  skip(): void {
    this.#take();
  }

  #take(): string[] {
    const marks: string[] = [];
    if (!this.#isOn) return marks;
    // In the same thread the answer comes before post returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, report) => {
      if (error === null) for (const script of report.result) collect(script, marks);
    });
    return marks;
  }
}

function collect({ url, scriptId, functions }: Profiler.ScriptCoverage, marks: string[]): void {
  if (!SOURCES.some((folder) => url.includes(folder))) return;
  for (const { ranges } of functions)
    for (const { count, startOffset, endOffset } of ranges)
      if (count > 0) marks.push(`${scriptId}:${startOffset}:${endOffset}`);
}
