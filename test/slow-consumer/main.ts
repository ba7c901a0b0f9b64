// npm run bench:slow-consumer: an endless stream of 64 KiB items to readers that are slow, or do not read at all, must leave the
// memory of the server flat, and so must a fast writer of a slow handler. Ends with code 1 when it does not.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type BenchReport, startProcesses } from './processes.js';
import { verdict } from './verdict.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, readers: { type: 'string', default: '20' } },
});
const seconds = wholeNumber('seconds', values.seconds, 6);
const readers = wholeNumber('readers', values.readers, 1);
/** Buffers of connections, compiled code: what is taken once. */
const warmUpSeconds = Math.ceil(seconds / 3);
const slowNames = Array.from({ length: readers }, (_, index) => `slow-${index + 1}`);

const processes = await startProcesses(slowNames);
try {
  await processes.started;
  processes.freeze();
  console.log(`items of 64 KiB; ${readers} slow readers and the writer move one each 100 ms`);
  console.log('  s   RSS MiB  heap MiB  buffers MiB     slow     fast   frozen   writer');
  const reports: BenchReport[] = [];
  while (reports.length < seconds) {
    await sleep(1_000);
    reports.push(await processes.report());
    print(reports.length, reports.at(-1)!);
  }
  const findings = verdict(reports.slice(warmUpSeconds), slowNames);
  console.log(`\nfrom second ${warmUpSeconds + 1} to second ${seconds}:`);
  for (const { what, found, isGood } of findings)
    console.log(`${isGood ? 'ok  ' : 'FAIL'} ${what.padEnd(42)} ${found}`);
  process.exitCode = findings.every(({ isGood }) => isGood) ? 0 : 1;
} finally {
  processes.stop();
}

function print(second: number, { server: { rssBytes, heapBytes, bufferBytes, produced, taken } }: BenchReport): void {
  const slow = slowNames.reduce((sum, name) => sum + (produced[name] ?? 0), 0);
  const counts = [slow, produced['fast'], produced['frozen'], taken['writer']].map((count) => column(count ?? 0, 9));
  const memory = [column(mib(rssBytes), 10), column(mib(heapBytes), 10), column(mib(bufferBytes), 13)];
  console.log(`${column(second, 3)}${memory.join('')}${counts.join('')}`);
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function column(value: number | string, width: number): string {
  return String(value).padStart(width);
}

function wholeNumber(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= 86_400) return value;
  throw new TypeError(`--${name} must be a whole number from ${min} to 86400, not ${text}`);
}
