import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { inspect } from 'node:util';

// How long sockets and timers may outlive the last test before the run counts as hanging.
const EXIT_GRACE_MS = 10_000;

/**
 * A mocha reporter: one line for each file, failures in full at the end, the counts as JSON in the file that the option
 * `output` names: `{ passed, failed }`. A process that does not end after the last test is a failure too: a test left
 * something open.
 *
 * The option `patience` multiplies the time that each test and hook may take. Timeouts are there to end what hangs, and a
 * run of least priority is not hanging when it gets a twentieth of a processor.
 */
export default class Reporter {
  #passed = 0;
  #failures = [];
  /** Per file: tests passed and failed, milliseconds. */
  #files = new Map();
  #file;
  #output;

  constructor(runner, options) {
    this.#output = options.reporterOptions?.output;
    const patience = Number(options.reporterOptions?.patience ?? 1);
    const wait = (runnable) => runnable.timeout(runnable.timeout() * patience);
    if (patience !== 1) runner.on('test', wait).on('hook', wait);
    runner.on('pass', (test) => {
      this.#passed++;
      this.#count(test, 'passed');
    });
    runner.on('fail', (test, error) => {
      this.#failures.push({ test, error });
      this.#count(test, 'failed');
    });
    runner.on('suite', (suite) => {
      if (!suite.parent?.root || suite.file === this.#file) return;
      this.#printFile(this.#file);
      this.#file = suite.file;
    });
    runner.on('end', () => this.#end());
  }

  #count(test, outcome) {
    const entry = this.#files.get(test.file) ?? { passed: 0, failed: 0, durationMs: 0 };
    entry[outcome]++;
    entry.durationMs += test.duration ?? 0;
    this.#files.set(test.file, entry);
  }

  #printFile(file) {
    const entry = this.#files.get(file);
    if (entry === undefined) return;
    this.#files.delete(file);
    const { passed, failed, durationMs } = entry;
    const failures = failed > 0 ? `, ${failed} FAILED` : '';
    const duration = durationMs >= 1000 ? `, ${(durationMs / 1000).toFixed(1)} s` : '';
    console.log(
      `${failed > 0 ? 'FAIL' : 'ok  '} ${file ? relative('', file) : '(no file)'}: ${passed} passed${failures}${duration}`,
    );
  }

  #end() {
    for (const file of [...this.#files.keys()]) this.#printFile(file);
    for (const [index, { test, error }] of this.#failures.entries()) {
      console.log(`\n${index + 1}) ${test.titlePath().join(' > ')}\n${indent(describeError(error))}`);
    }
    this.#write(this.#failures.length);
    setTimeout(() => this.#hang(), EXIT_GRACE_MS).unref();
  }

  #hang() {
    const open = process.getActiveResourcesInfo().join(', ') || 'unknown';
    console.log(
      `\nthe tests are done but ${EXIT_GRACE_MS / 1000} s later the process still runs: a test left open: ${open}`,
    );
    this.#write(this.#failures.length + 1);
    process.exit(1);
  }

  #write(failed) {
    if (this.#output) writeFileSync(this.#output, JSON.stringify({ passed: this.#passed, failed }));
  }
}

/** The stack, which begins with the message and, from node:assert, the difference. */
function describeError(error) {
  if (!(error instanceof Error)) return `thrown: ${inspect(error)}`;
  const lines = [error.stack ?? String(error)];
  if (error.cause !== undefined) lines.push(`cause: ${inspect(error.cause)}`);
  return lines.join('\n');
}

function indent(text) {
  return text.replace(/^/gm, '   ');
}
