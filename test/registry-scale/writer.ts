// Writes instances into etcd, in a process of its own so that it does not hold up the client that is measured. With
// `changes` it changes weights at a rate, and tells after each write which weight it was and when.
import { systemClock, systemRandom } from '@org/rpc-core';
import { connectWriter, instanceKey, instanceText } from './instances.js';

const [url, task, count, perSecond, seconds] = process.argv.slice(2) as [string, string, string, string, string];
const port = await connectWriter(url, systemClock);
const instances = Number(count);

if (task === 'fill') {
  const AT_ONCE = 100;
  for (let first = 0; first < instances; first += AT_ONCE) {
    const last = Math.min(first + AT_ONCE, instances);
    await Promise.all(Array.from({ length: last - first }, (_, offset) => write(first + offset, 100)));
  }
} else {
  const total = Number(perSecond) * Number(seconds);
  const startedAt = systemClock.now();
  const writes: Promise<void>[] = [];
  for (let change = 0; change < total; ) {
    const due = Math.min(total, ((systemClock.now() - startedAt) * Number(perSecond)) / 1_000);
    for (; change < due; change++) {
      // A weight of its own for each change, by which the client knows it again.
      const weight = 101 + change / 16;
      const sentAt = performance.timeOrigin + performance.now();
      const index = Math.floor(systemRandom() * instances);
      writes.push(
        write(index, weight).then(
          () => void process.send?.({ weight, sentAt, writtenAt: performance.timeOrigin + performance.now() }),
        ),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(writes);
}
port.close();
process.disconnect?.();

async function write(index: number, weight: number): Promise<void> {
  await port.put(instanceKey(index), instanceText(index, weight), '0', 10_000);
}
