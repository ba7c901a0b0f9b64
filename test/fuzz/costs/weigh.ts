import { getHeapStatistics } from 'node:v8';
import { heldBytes, referenceMs } from '../../../packages/wire/test/measure-cost.js';
import type { CostInput, CostSubject } from './subject.js';

/** What docs/codecs.md and SECURITY.md say that a byte of a message takes at most, in bytes. */
export const BYTES_PER_BYTE = 128;
/** How far what is held may be above what is counted for it; and a text with one wide character takes twice its bytes. */
export const ABOVE_COUNTED = 1.5;
const TEXT_BYTES = 2;
/** CPU time in milliseconds of a usual machine. */
export const CPU_MS_PER_64_KIB = 20;
export const CPU_MS_PER_4_MIB = 1_000;
/** A message costs something besides its bytes: these are for one as short as can be, so that many short ones are bounded too. */
const CPU_MS_PER_MESSAGE = 0.1;
const BYTES_PER_MESSAGE = 4_096;
/** Of the subject itself, and of the heap's own housekeeping. */
const NOISE_BYTES = 400_000;
const KIB_64 = 64 * 1024;
const MIB_4 = 4 * 1024 * 1024;

/** What an input costs, each as a share of what it may: above 1 is too much. */
export interface Weight {
  /** Memory that is held, against the bytes of the messages. */
  readonly memory: number;
  /** Memory that is held, against what is counted for it; 0 where nothing is counted. */
  readonly counted: number;
  /** CPU time. */
  readonly cpu: number;
  readonly heldBytes: number;
  readonly cpuMs: number;
}

/** Weighs an input once; the machine's noise has a part in it. */
export function weigh(subject: CostSubject, message: CostInput): Promise<Weight> {
  return look(subject, message, heldBytes);
}

/** A first look, without collecting garbage, which would take ten times as long: memory is what it is at most, but for that. */
export function glance(subject: CostSubject, message: CostInput): Promise<Weight> {
  return look(subject, message, usedBytes);
}

async function look(subject: CostSubject, message: CostInput, memory: () => number): Promise<Weight> {
  const unit = Math.max(referenceMs(), referenceMs());
  const run = subject.open();
  const before = memory();
  const cpu = process.cpuUsage();
  await run.take(message);
  const { user, system } = process.cpuUsage(cpu);
  const held = memory() - before;
  const counted = run.counted();
  run.close();
  const cpuMs = (user + system) / 1000 / unit;
  const { bytes, messages } = message;
  const above = Math.max(0, held - NOISE_BYTES);
  return {
    memory: above / (BYTES_PER_BYTE * bytes + BYTES_PER_MESSAGE * (messages - 1)),
    counted: counted === undefined ? 0 : above / (TEXT_BYTES * bytes + ABOVE_COUNTED * counted),
    cpu: cpuMs / (cpuBoundMs(bytes) + CPU_MS_PER_MESSAGE * (messages - 1)),
    heldBytes: held,
    cpuMs,
  };
}

/** 20 ms for 64 KiB, a second for 4 MiB, and what lies on the line through both between them. */
function cpuBoundMs(bytes: number): number {
  if (bytes <= KIB_64) return CPU_MS_PER_64_KIB;
  return CPU_MS_PER_64_KIB + ((CPU_MS_PER_4_MIB - CPU_MS_PER_64_KIB) * (bytes - KIB_64)) / (MIB_4 - KIB_64);
}

/** The least of a few weights counts: what an input costs shows in all of them, what the machine does besides only in some. */
export async function weighAgain(
  subject: CostSubject,
  message: CostInput,
  first: Weight,
  times: number,
): Promise<Weight> {
  let least = first;
  for (let i = 0; i < times; i++) {
    const again = await weigh(subject, message);
    least = {
      memory: Math.min(least.memory, again.memory),
      counted: Math.min(least.counted, again.counted),
      cpu: Math.min(least.cpu, again.cpu),
      heldBytes: Math.min(least.heldBytes, again.heldBytes),
      cpuMs: Math.min(least.cpuMs, again.cpuMs),
    };
  }
  return least;
}

/** Whether one of the shares is beyond its bound. */
export function isTooMuch({ memory, counted, cpu }: Weight): boolean {
  return Math.max(memory, counted, cpu) > 1;
}

function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}
