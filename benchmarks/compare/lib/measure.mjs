import { readFileSync } from 'node:fs';
import { startSide } from './side.mjs';

const SERVER_CORE = 0;
const CLIENT_CORE = 1;
const DEFAULT_WARM_UP_MS = 1_500;
const PORTS_PER_PEER = 16;

/**
 * One peer in one round of a scenario.
 *
 * @typedef {object} Sample
 * @property {number} perSecond calls or items
 * @property {number} clientUs CPU time of the client's process, of each call
 * @property {number} serverUs likewise of the server's, and of its broker
 * @property {number} p50Us
 * @property {number} p99Us
 * @property {number} failed
 * @property {string} [firstError]
 * @property {number} [plainUs] CPU time of both sides, of each call, just before and without the errors of a scenario that has some
 * @property {number} waited the share of the time in which a process could run and got no processor, `NaN` where nobody tells
 */

/**
 * Measures peers against each other: warm processes of all of them, which run one after the other in short slices, in turns, so that
 * what else the machine does falls on all alike.
 *
 * @param {import('../scenarios.mjs').Scenario} scenario
 * @param {readonly { name: string, warmUpMs?: number }[]} peers
 * @param {{ rounds: number, sliceMs: number, warmUpMs?: number, firstPort: number, say: (text: string) => void }} options
 * @returns {Promise<Map<string, Sample[] | Error>>} by peer: a sample a round, or why it could not be measured
 */
export async function measure(scenario, peers, { rounds, sliceMs, warmUpMs = DEFAULT_WARM_UP_MS, firstPort, say }) {
  const results = new Map();
  const running = [];
  try {
    for (const [i, peer] of peers.entries()) {
      say(`${peer.name}: starts`);
      try {
        running.push(await start(peer, scenario, firstPort + i * PORTS_PER_PEER));
        const { client } = running.at(-1);
        say(`${peer.name}: warms up`);
        await asked(client, { ms: Math.min(warmUpMs, sliceMs) });
        await asked(client, { ms: peer.warmUpMs ?? warmUpMs });
        results.set(peer.name, []);
      } catch (error) {
        results.set(peer.name, error);
      }
    }
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const one of round % 2 === 0 ? running : running.toReversed()) {
        const samples = results.get(one.peer.name);
        if (!Array.isArray(samples)) continue;
        try {
          const plainUs = scenario.workload === 'errors' ? cpuUsOf(await sample(one, sliceMs, true)) : undefined;
          samples.push({ ...(await sample(one, sliceMs)), plainUs });
        } catch (error) {
          results.set(one.peer.name, error);
        }
      }
    }
  } finally {
    for (const one of running) end(one);
  }
  return results;
}

async function start(peer, scenario, port) {
  const ports = Array.from({ length: scenario.nodes ?? 1 }, (_, i) => port + i).join(',');
  const server = await startSide('server', [peer.name, ports, JSON.stringify(scenario)], SERVER_CORE);
  try {
    const client = await startSide('client', [peer.name, ports, JSON.stringify(scenario)], CLIENT_CORE);
    return { peer, server, client };
  } catch (error) {
    end({ server });
    throw error;
  }
}

const cpuUsOf = ({ clientUs, serverUs }) => clientUs + serverUs;

async function sample({ server, client }, ms, isPlain = false) {
  const cpu = async () => (await asked(server, {})).cpuUs + server.pids.reduce((sum, pid) => sum + cpuOf(pid), 0);
  const [before, waitedBefore] = [await cpu(), waitedMs([server, client])];
  const begun = performance.now();
  const slice = await asked(client, { ms, isPlain });
  const elapsedMs = performance.now() - begun;
  const [after, waitedAfter] = [await cpu(), waitedMs([server, client])];
  return {
    ...slice,
    clientUs: slice.cpuUs / slice.count,
    serverUs: (after - before) / slice.count,
    waited: (waitedAfter - waitedBefore) / elapsedMs / 2,
  };
}

async function asked(side, message) {
  const answer = await side.ask(message);
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer;
}

function end({ server, client }) {
  client?.end();
  server.end();
  for (const pid of server.pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended with its server.
    }
  }
}

/** Microseconds of CPU time of another program, where the system tells: the scheduler's own counts of all its threads. */
function cpuOf(pid) {
  return schedule(pid)[0] / 1_000;
}

function waitedMs(sides) {
  return sides.reduce((sum, { pid }) => sum + schedule(pid)[1] / 1e6, 0);
}

/** Nanoseconds on a processor and in the queue for one (proc(5), schedstat). */
function schedule(pid) {
  try {
    return readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  } catch {
    return [Number.NaN, Number.NaN];
  }
}
