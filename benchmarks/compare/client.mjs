// One client process of one peer, all callers in it: node client.mjs PEER PORTS SCENARIO (JSON). Each message { ms } is one slice; { ms, isPlain } one without the errors
// of a scenario that has some.
import './lib/ballast.mjs';
import { Histogram } from './lib/histogram.mjs';
import { workloadOf } from './lib/workloads.mjs';
import { binary, SUM } from './values.mjs';

const [peer, ports, json] = process.argv.slice(2);
const scenario = JSON.parse(json);
const { connect } = await import(`./peers/${peer}.mjs`);
const client = await connect(ports.split(',').map(Number), scenario);
const SLOWEST_STOP_MS = 5_000;
/** How long streams run before they are measured. */
const RAMP_MS = 100;

const now = performance.now.bind(performance);
const slice = await prepare();

process.on('message', ({ ms, isPlain }) => {
  slice(ms, isPlain).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error?.message ?? error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });

async function prepare() {
  if (scenario.workload === 'items') return items();
  if (scenario.workload === 'mixed') {
    const large = workloadOf('binary', scenario.bytes);
    const small = workloadOf('sum');
    large.check(await large.call(client));
    small.check(await small.call(client));
    return calls(small.call, 1, { call: large.call, callers: scenario.callers });
  }
  const { call, check } = workloadOf(scenario.workload, scenario.bytes);
  check(await call(client));
  const slice = calls(call, scenario.callers);
  if (scenario.workload !== 'errors') return slice;
  // The same method, so that nothing but the errors differs.
  const plain = calls((client) => client.checked(...SUM), scenario.callers);
  return (ms, isPlain) => (isPlain ? plain(ms) : slice(ms));
}

/** Closed loop: each caller calls again when it has its answer. */
function calls(call, callers, beside = { callers: 0 }) {
  return async (ms) => {
    const histogram = new Histogram();
    let running = true;
    let failed = 0;
    let firstError;
    const fail = (error) => {
      failed++;
      firstError ??= String(error?.message ?? error);
      // A peer that fails at once must not keep the loop from its timers.
      return new Promise((resolve) => setImmediate(resolve));
    };
    const caller = async () => {
      while (running) {
        const begun = now();
        try {
          await call(client);
        } catch (error) {
          await fail(error);
        }
        histogram.record(now() - begun);
      }
    };
    const other = async () => {
      while (running) await beside.call(client).catch(fail);
    };
    const before = process.cpuUsage();
    const begun = now();
    const all = [...Array.from({ length: callers }, caller), ...Array.from({ length: beside.callers }, other)];
    await new Promise((resolve) => setTimeout(resolve, ms));
    const counted = histogram.count;
    const elapsedMs = now() - begun;
    running = false;
    await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, SLOWEST_STOP_MS).unref())]);
    const { user, system } = process.cpuUsage(before);
    return {
      perSecond: (counted / elapsedMs) * 1000,
      count: histogram.count,
      cpuUs: user + system,
      p50Us: histogram.percentileUs(0.5),
      p99Us: histogram.percentileUs(0.99),
      failed,
      firstError,
      rssBytes: process.memoryUsage.rss(),
    };
  };
}

/**
 * Streams without end, read as fast as they come. They stay open: between slices nothing is taken, and what lies in the buffers of both systems
 * then, megabytes a socket, comes first and does not count.
 */
function items() {
  const { bytes, streams } = scenario;
  const size = binary(bytes).length;
  let open = () => undefined;
  let gate = new Promise((resolve) => {
    open = resolve;
  });
  let isOpen = false;
  let count = 0;
  for (let i = 0; i < streams; i++) {
    (async () => {
      for await (const item of client.items(bytes)) {
        if (item.length !== size) throw new Error(`an item of ${item.length} bytes instead of ${size}`);
        count++;
        if (!isOpen) await gate;
      }
    })();
  }
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  return async (ms) => {
    const before = process.cpuUsage();
    const all = count;
    isOpen = true;
    open();
    await sleep(RAMP_MS);
    const first = count;
    const begun = now();
    await sleep(ms);
    const perSecond = ((count - first) / (now() - begun)) * 1000;
    isOpen = false;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const { user, system } = process.cpuUsage(before);
    return {
      perSecond,
      // Of the server the CPU time of the ramp is counted as well.
      count: count - all,
      cpuUs: user + system,
      p50Us: Number.NaN,
      p99Us: Number.NaN,
      failed: 0,
      rssBytes: process.memoryUsage.rss(),
    };
  };
}
