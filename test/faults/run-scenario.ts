import { startLoad } from './load.js';
import { createRig, type Rig, startAll } from './rig.js';
import type { Outcome, Scenario } from './scenario.js';

/** Callers of the load; every second one makes calls that are not safe to repeat. */
const CALLERS = 8;

/**
 * Runs a scenario on a real etcd and real server processes while calls flow, and measures it. Never rejects for what it finds:
 * that is in `problems`.
 */
export async function runScenario(scenario: Scenario, short: boolean): Promise<Outcome> {
  const rig = await createRig(scenario.setup ?? {}, short);
  try {
    await scenario.prepare?.(rig);
    await startAll(rig, scenario.setup?.servers);
    if ((await rig.agree()) === undefined) throw new Error('the views never agreed before the fault');
    return await measure(scenario, rig);
  } catch (error) {
    rig.problems.push(error instanceof Error ? error.message : String(error));
    return { ...NOTHING, name: scenario.name, title: scenario.title, notes: rig.notes, problems: rig.problems };
  } finally {
    await rig.close();
  }
}

async function measure(scenario: Scenario, rig: Rig): Promise<Outcome> {
  const { mustNotFail = 'all', name, title } = scenario;
  const isCalled = mustNotFail !== 'none';
  const load = startLoad(rig.clients[0]!, isCalled ? CALLERS : 0, 1, { pauseMs: 4, mixed: true });
  const startedAt = performance.now();
  try {
    await rig.hold(0.5, 3);
    const beganAt = performance.now();
    await scenario.inject(rig);
    rig.end();
    const endedAt = rig.endedAt!;
    const agreedAt = await rig.agree();
    await rig.hold(0.2, 2);
    await scenario.after?.(rig);
    const result = await load.stop();
    const failed = result.failures.length;
    const harmful = mustNotFail === 'idempotent' ? failed - result.failedOnce : failed;
    rig.check(harmful === 0, `${harmful} of ${result.made} calls failed: ${result.failures[0]?.message}`);
    rig.check(!isCalled || result.made > (performance.now() - startedAt) / 100, `only ${result.made} calls were made`);
    return {
      name,
      title,
      faultMs: endedAt - beganAt,
      made: result.made,
      failed,
      failedOnce: result.failedOnce,
      longestMs: result.longestMs,
      convergedMs: agreedAt === undefined ? undefined : Math.max(0, agreedAt - endedAt),
      notes: rig.notes,
      problems: rig.problems,
    };
  } finally {
    await load.stop();
  }
}

const NOTHING = { faultMs: 0, made: 0, failed: 0, failedOnce: 0, longestMs: 0, convergedMs: undefined };
