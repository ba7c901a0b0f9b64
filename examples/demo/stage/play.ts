import { CALLERS } from './messages.js';
import type { ServerProcess } from './server-process.js';
import { DemoError, type Stage } from './stage.js';

/** When things happen, as shares of the whole time. */
const KILL_AT = 0.25;
const JOIN_AT = 0.42;
const DRAIN_AT = 0.62;

/** How long a process may take to start on a busy machine, in milliseconds. */
const START_MS = 10_000;
/** How long a registry may take to answer, in milliseconds. */
const REGISTRY_MS = 5_000;
/** How long anything else may take, in milliseconds. */
const STEP_MS = 10_000;

/** What came of the play. Times are in milliseconds; `undefined` says that it did not come about. */
export interface Result {
  readonly killed: string;
  /** From the kill to the last that the client tried on it. */
  readonly quietAfterMs: number | undefined;
  readonly joined: string;
  /** From listening to the first answer. */
  readonly firstCallAfterMs: number | undefined;
  readonly drained: string;
  /** From SIGTERM to its end, with exit code 0. */
  readonly leftAfterMs: number | undefined;
}

/**
 * The play: three servers and a client; one server is killed, another joins, one leaves in order.
 * @param registry - how the registry is shown
 * @throws DemoError when it cannot go on
 */
export async function play(stage: Stage, registry: string): Promise<Result> {
  stage.log(`three servers and a client find each other through ${registry}`);
  const servers = [stage.startServer(), stage.startServer(), stage.startServer()];
  await untilRegistered(stage, servers, registry);
  const client = stage.startClient();
  if (!(await stage.until(() => stage.startedAt !== undefined, START_MS)))
    throw new DemoError(`the client made no call in ${START_MS / 1000} s`);
  stage.log(`the client's ${CALLERS} callers call calculator.sum without a pause`);

  await stage.untilShare(KILL_AT);
  const victim = pickRunning(servers.slice(1), servers);
  victim.kill();
  stage.log(`${victim.name} is killed with SIGKILL, in the middle of its calls`, 'bad');
  await stage.until(() => client.downAt(victim.address) !== undefined, STEP_MS);

  await stage.untilShare(JOIN_AT);
  const newcomer = stage.startServer();
  stage.log(`${newcomer.name} is started`);
  await untilRegistered(stage, [newcomer], registry);
  await stage.until(() => client.node(newcomer.address)?.firstCallAt !== undefined, STEP_MS);

  await stage.untilShare(DRAIN_AT);
  const leaver = pickRunning(servers, stage.servers);
  leaver.drain();
  stage.log(`${leaver.name} is told to leave, with SIGTERM: it drains`, 'warn');
  await stage.until(() => !leaver.isRunning, STEP_MS);
  if (leaver.state === 'left') stage.log(`${leaver.name} has answered all its calls and is gone, exit code 0`, 'good');

  await stage.untilShare(1);
  client.stop();
  if (!(await stage.until(() => client.report?.isLast === true, STEP_MS)))
    throw new DemoError(`the client did not end its calls in ${STEP_MS / 1000} s`);
  return {
    killed: victim.name,
    quietAfterMs: quietAfterMs(stage, victim),
    joined: newcomer.name,
    firstCallAfterMs: difference(newcomer.listeningAt, client.node(newcomer.address)?.firstCallAt),
    drained: leaver.name,
    leftAfterMs: leaver.state === 'left' ? difference(leaver.toldToLeaveAt, leaver.exit?.at) : undefined,
  };
}

async function untilRegistered(stage: Stage, servers: readonly ServerProcess[], registry: string): Promise<void> {
  const listens = await stage.until(
    () => servers.every(({ address, isRunning }) => address !== undefined || !isRunning),
    START_MS,
  );
  if (!listens) throw new DemoError(`a server did not start in ${START_MS / 1000} s`);
  await stage.until(() => servers.every(({ isRegistered, isRunning }) => isRegistered || !isRunning), REGISTRY_MS);
  for (const { name, address, isRegistered, trouble } of servers) {
    if (address === undefined) throw new DemoError(`${name} did not start, see above`);
    if (isRegistered) continue;
    const reason = trouble === undefined ? '' : `: ${trouble}`;
    throw new DemoError(`the registry ${registry} did not answer in ${REGISTRY_MS / 1000} s${reason}`);
  }
}

/** The first of the servers that runs: somebody may have ended others by hand. */
function pickRunning(...choices: readonly (readonly ServerProcess[])[]): ServerProcess {
  const found = choices.flat().find(({ state }) => state === 'running');
  if (found === undefined) throw new DemoError('no server is left');
  return found;
}

/** From the kill to when the client knew, or to the last attempt that failed there, whichever was later. */
function quietAfterMs({ client }: Stage, victim: ServerProcess): number | undefined {
  const downAt = client?.downAt(victim.address);
  if (downAt === undefined) return undefined;
  return difference(victim.killedAt, Math.max(downAt, client?.node(victim.address)?.lastErrorAt ?? 0));
}

function difference(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}
